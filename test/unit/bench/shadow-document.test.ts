import { describe, expect, it } from "vitest";
import { ShadowDocument, type ShadowRejection, type ShadowUpdate } from "../../bench/cloud/shadow-document.ts";

const AT = 1_764_374_400;

function accepted(outcome: ShadowUpdate | ShadowRejection): ShadowUpdate {
  if ("code" in outcome) throw new Error(outcome.message);
  return outcome;
}

function shadowOf(...states: readonly object[]): ShadowDocument {
  const shadow = new ShadowDocument();
  for (const state of states) accepted(shadow.update({ state }, AT));
  return shadow;
}

// The rules are those of "Device Shadow service documents" and "Error messages" of the AWS IoT developer guide.
describe("ShadowDocument", () => {
  it("merges objects, takes away what is null, replaces lists, and drops what is empty", () => {
    const shadow = shadowOf(
      { desired: { a: { x: 1, y: [1, 2] }, b: { only: 1 } } },
      { desired: { a: { y: [3], z: 2 }, b: { only: null } } },
    );
    expect(shadow.state).toEqual({ desired: { a: { x: 1, y: [3], z: 2 } } });
    accepted(shadow.update({ state: { desired: { a: { x: null, y: null, z: null } } } }, AT));
    expect(shadow.state).toEqual({});
    expect(shadow.version).toBe(3);
  });

  it("tells each leaf of desired that reported has not, and no other", () => {
    const shadow = shadowOf({ desired: { color: "RED", sequence: ["RED", "GREEN"], deep: { same: 1, other: 2 } } });
    const reported = { color: "GREEN", sequence: ["RED", "GREEN"], deep: { same: 1 }, mine: true };
    const { delta, accepted: told } = accepted(shadow.update({ state: { reported }, clientToken: "t" }, AT));
    expect(delta).toEqual({
      state: { color: "RED", deep: { other: 2 } },
      metadata: { color: { timestamp: AT }, deep: { other: { timestamp: AT } } },
      version: 2,
      timestamp: AT,
      clientToken: "t",
    });
    expect(told.state).toEqual({ reported });
    expect(accepted(shadow.update({ state: { desired: null } }, AT)).delta).toBeUndefined();
  });

  it.each([
    [{}, 400, "Missing required node: state"],
    [{ state: 1 }, 400, "State node must be an object"],
    [{ state: { desired: [] } }, 400, "Desired node must be an object"],
    [{ state: { reported: "x" } }, 400, "Reported node must be an object"],
    [{ state: {}, version: "one" }, 400, "Invalid version"],
    [{ state: {}, clientToken: "x".repeat(65) }, 400, "Invalid clientToken"],
    [
      { state: { desired: { a: { b: { c: { d: { e: { f: 1 } } } } } } } },
      400,
      "JSON contains too many levels of nesting; maximum is 6",
    ],
    [{ state: { desired: { text: "x".repeat(8192) } } }, 413, "The payload exceeds the maximum size allowed"],
    [{ state: { desired: { a: 2 } }, version: 9 }, 409, "Version conflict"],
  ])("refuses %j and changes nothing", (request, code, message) => {
    const shadow = shadowOf({ desired: { a: 1 } });
    expect(shadow.update(request, AT)).toEqual({ code, message });
    expect([shadow.state, shadow.version]).toEqual([{ desired: { a: 1 } }, 1]);
  });

  it("counts the state as it is after the update for the limit", () => {
    const shadow = shadowOf({ desired: { text: "x".repeat(8000) } });
    expect(shadow.update({ state: { reported: { text: "x".repeat(200) } } }, AT)).toMatchObject({ code: 413 });
    expect(shadow.update({ state: { desired: { text: null }, reported: { text: "y" } } }, AT)).not.toHaveProperty(
      "code",
    );
  });
});
