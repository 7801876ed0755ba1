import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { AgentError, type FaultCode } from "../../../agent/core/errors.ts";
import { memoryStandsIn, outboxFaultOf, STANDBY_AFTER_MS } from "../../../agent/ports/outbox-faults.ts";

const OWNER = "agent/ports/outbox-faults.ts";

function fault(code: FaultCode): AgentError {
  return new AgentError(code, { what: "the disk", remedy: "look at it" });
}

describe("outboxFaultOf", () => {
  it("tells a full outbox from one that is away, and gives the fault with it", () => {
    const full = fault("outbox.full");
    expect(outboxFaultOf(full)).toEqual({ kind: "full", error: full });
    expect(outboxFaultOf(fault("outbox.unavailable"))?.kind).toBe("unavailable");
  });

  it("leaves what is not the outbox's own trouble to whoever owns it", () => {
    const others = [fault("journal.full"), fault("internal.bug"), new TypeError("a bug"), "outbox.full", undefined];
    expect(others.map(outboxFaultOf)).toEqual(others.map(() => undefined));
  });
});

describe("memoryStandsIn", () => {
  it("comes at once for a disk that cannot be opened, full or away", () => {
    expect([memoryStandsIn("full", "opening", 0), memoryStandsIn("unavailable", "opening", 0)]).toEqual([true, true]);
  });

  it("waits for a disk that is away while it is written", () => {
    const waits = [0, STANDBY_AFTER_MS - 1, STANDBY_AFTER_MS];
    expect(waits.map((failingMs) => memoryStandsIn("unavailable", "writing", failingMs))).toEqual([false, false, true]);
  });

  it("never comes for a full disk that is written, which has records to evict", () => {
    expect(memoryStandsIn("full", "writing", 1e9)).toBe(false);
  });
});

describe("what a fault of the outbox means", () => {
  it("is decided in one file alone", () => {
    const decides = /(===|!==|case|startsWith\(|\/\^)\s*["(]?outbox\\?\.\(?(full|unavailable)/;
    const files = globSync("{agent,drivers}/**/*.ts").filter((file) => decides.test(readFileSync(file, "utf8")));
    expect(files).toEqual([OWNER]);
  });
});
