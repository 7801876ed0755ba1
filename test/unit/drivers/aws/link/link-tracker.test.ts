import { describe, expect, it } from "vitest";
import { LinkTracker } from "../../../../../drivers/aws/link/link-tracker.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const LIMITS = { receiveMaximum: 100, maximumPacketBytes: 149_504, topicAliasMaximum: 8, retainAvailable: true };
const MISMATCH = {
  code: "broker.name-mismatch",
  what: "the certificate is not for it",
  remedy: "correct broker.host",
} as const;

function link() {
  const clock = new ManualClock();
  return { clock, link: new LinkTracker(clock, new MemoryLog()) };
}

describe("the state of the link", () => {
  it("is down since the last connection, however many attempts there are", () => {
    const { clock, link: made } = link();
    made.connected(LIMITS, false);
    clock.advance(10_000);
    expect(made.status()).toMatchObject({ state: "online", sinceMs: 10_000 });
    made.move("offline");
    const readings: number[] = [];
    for (const state of ["connecting", "offline", "connecting"] as const) {
      clock.advance(8000);
      made.move(state);
      clock.advance(400);
      readings.push(made.status().sinceMs);
    }
    expect(readings).toEqual([8400, 16_800, 25_200]);
    made.connected(LIMITS, true);
    expect(made.status().sinceMs).toBe(0);
  });

  it("is down since the start where there was no connection yet", () => {
    const { clock, link: made } = link();
    made.move("connecting");
    clock.advance(5000);
    made.move("offline");
    expect(made.status().sinceMs).toBe(5000);
  });

  it("keeps its last cause while it is tried again, until there is a connection", () => {
    const { link: made } = link();
    made.move("connecting");
    made.move("offline");
    made.blame(MISMATCH);
    for (const state of ["connecting", "offline", "connecting"] as const) {
      made.move(state);
      expect(made.status()).toMatchObject({ state, fault: MISMATCH });
    }
    made.connected(LIMITS, false);
    expect(made.status().fault).toBeUndefined();
  });

  it("counts how connections ended, and every fault", () => {
    const { link: made } = link();
    made.ended(0x8e);
    made.ended(0x8e);
    made.ended(0x55);
    made.ended(undefined);
    made.blame(MISMATCH);
    made.blame(MISMATCH);
    expect(made.status().ends).toEqual({
      disconnects: { "session taken over": 2, "unknown reason": 1, "connection lost": 1 },
      faults: { "broker.name-mismatch": 2 },
    });
  });

  it("says every fault to who listens, also one as before, and logs it once", () => {
    const log = new MemoryLog();
    const heard: unknown[] = [];
    const made = new LinkTracker(new ManualClock(), log, (fault, reasonCode) => heard.push([fault.code, reasonCode]));
    made.blame(MISMATCH);
    made.blame(MISMATCH, 0x8e);
    expect(heard).toEqual([
      ["broker.name-mismatch", undefined],
      ["broker.name-mismatch", 0x8e],
    ]);
    expect(log.of("link.failed")).toHaveLength(1);
  });
});
