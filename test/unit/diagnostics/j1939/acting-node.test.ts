import { describe, expect, it } from "vitest";
import type { Meaning } from "../../../../agent/diagnostics/j1939/acknowledgement.ts";
import { actingNode } from "../../../../agent/diagnostics/j1939/acting-node.ts";
import type { NoAddress } from "../../../../agent/diagnostics/j1939/node.ts";
import type { GroupReply } from "../../../../agent/diagnostics/j1939/request-group.ts";

const never = new AbortController().signal;
const CLAIM = { pgn: 60_928, source: 0, destination: 255, data: new Uint8Array(8), receivedAtUs: 0 };
const isThere: GroupReply = { kind: "answers", answers: [CLAIM], remarks: [], waitedMs: 2 };
const says = (meaning: Meaning): GroupReply => {
  return { kind: "answers", answers: [], remarks: [{ source: 0, meaning }], waitedMs: 2 };
};
const silent: GroupReply = { kind: "answers", answers: [], remarks: [], waitedMs: 1250 };

/** Node 0, which says what is in `replies`, one after the other. */
function ecu(...replies: readonly (GroupReply | NoAddress)[]) {
  const asked: string[] = [];
  const noted: unknown[] = [];
  const left = [...replies];
  const request = async (pgn: number, to: number, who: string): Promise<GroupReply | NoAddress> => {
    asked.push(`${pgn} of ${to} ${who}`);
    return left.shift() ?? silent;
  };
  const codes = { noteClear: (...given: readonly unknown[]) => void noted.push(given) };
  const acting = actingNode({ bus: "can0", name: "sa_0", address: 0, node: { request }, codes });
  const clear = (before: () => string | undefined = () => undefined) => acting.clearCodes?.(0xff_ffff, before, never);
  return { acting, asked, noted, clear };
}

describe("clearing the codes of a node", () => {
  it("asks who is there in its turn, then clears active and previous codes at once", async () => {
    const { asked, noted, clear } = ecu(isThere, says("acknowledged"), says("acknowledged"));
    expect(await clear()).toEqual({ kind: "done", value: undefined });
    expect(asked).toEqual(["60928 of 0 command", "65235 of 0 transport", "65228 of 0 transport"]);
    expect(noted).toEqual([
      [{ bus: "can0", ecu: "sa_0" }, "agent"],
      [{ bus: "can0", ecu: "sa_0" }, "agent"],
    ]);
  });

  it("is not begun where the vehicle must not, the bus may not, or nobody is there", async () => {
    const moving = ecu(isThere);
    expect(await moving.clear(() => "the vehicle moves")).toEqual({
      kind: "withheld",
      reason: "condition",
      what: "the vehicle moves",
    });
    expect(moving.asked).toEqual(["60928 of 0 command"]);
    const withheld = { kind: "withheld", reason: "other-tester", what: "another tester speaks" } as const;
    expect(await ecu(withheld).clear()).toEqual(withheld);
    expect(await ecu({ kind: "no-address" }).clear()).toMatchObject({ kind: "withheld", reason: "off" });
    expect(await ecu(silent).clear()).toEqual({ kind: "failed", what: "sa_0 does not answer; nothing was cleared" });
  });

  it("tells what the node says, and that it may have cleared something", async () => {
    expect(await ecu(isThere, says("denied")).clear()).toEqual({
      kind: "refused",
      what: "active codes of sa_0: denied",
    });
    const half = ecu(isThere, says("acknowledged"), silent);
    expect(await half.clear()).toEqual({
      kind: "failed",
      what: "previous codes of sa_0: no acknowledgement within 1250 ms",
    });
    expect(half.noted).toHaveLength(1);
  });

  it("is all that a node of J1939 can be told to do", () => {
    const { acting } = ecu();
    expect([acting.name, acting.reset("hard"), acting.routine("x"), acting.output("x", 1)]).toEqual([
      "sa_0",
      undefined,
      undefined,
      undefined,
    ]);
  });
});
