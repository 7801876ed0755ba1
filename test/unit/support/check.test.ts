import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { failed, outcomeOf, problemOf } from "../../../agent/support/check.ts";

const FAULT = new AgentError("identity.pin-missing", { what: "no PIN", remedy: "set identity.pinFile" });

describe("outcomeOf", () => {
  it("gives what a look gives, or the fault that it throws or rejects with", async () => {
    expect(await outcomeOf(() => "PIN from a credential")).toBe("PIN from a credential");
    expect(await outcomeOf(() => Promise.reject(FAULT))).toBe(FAULT);
  });

  it("lets a bug through", async () => {
    const bug = new AgentError("internal.bug", { what: "broken", remedy: "report it" });
    await expect(outcomeOf(() => Promise.reject(bug))).rejects.toBe(bug);
    await expect(outcomeOf(() => Promise.reject(new TypeError("broken")))).rejects.toThrow(TypeError);
  });
});

describe("failed", () => {
  it("names the code of a fault, and none where there is no fault", () => {
    const check = { check: "pin", verdict: "fail", what: "no PIN", remedy: "set identity.pinFile" };
    expect(failed("pin", problemOf(FAULT))).toEqual({ ...check, code: "identity.pin-missing" });
    expect(failed("pin", { what: "no PIN", remedy: "set identity.pinFile" })).toEqual(check);
  });
});
