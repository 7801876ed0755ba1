import { describe, expect, it } from "vitest";
import { BacklogWindow } from "../../../../agent/telemetry/publish/backlog-window.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";

const MOST = 24;
const SEED = 19;

/** A link that carries one record after another: each takes `recordMs` of it, and its PUBACK comes `delayMs` later. */
type Link = { readonly recordMs: number; delayMs(): number };
type Event = { readonly atMs: number; readonly row: number; readonly sentMs: number; readonly isBacklog: boolean };
type Outcome = { readonly freshMs: number; readonly backlogRecords: number };

/** Drains a backlog without end for `seconds`, with a fresh record each `freshEveryMs`; what came after the first seconds. `isBound`: whether the window is asked. */
function drain(link: Link, { seconds = 60, freshEveryMs = 250, isBound = true, hasBacklog = true } = {}): Outcome {
  const window = new BacklogWindow();
  window.startConnection(0);
  const acks: Event[] = [];
  const fresh: number[] = [];
  let [row, freeMs, backlog, nowMs, dueMs, backlogRecords] = [0, 0, 0, 0, freshEveryMs, 0];
  const send = (isBacklog: boolean): void => {
    row += 1;
    window.noteSent(row, isBacklog, backlog);
    freeMs = Math.max(freeMs, nowMs) + link.recordMs;
    acks.push({ atMs: freeMs + link.delayMs(), row, sentMs: nowMs, isBacklog });
    if (isBacklog) backlog += 1;
  };
  while (nowMs < seconds * 1000) {
    const limit = isBound ? window.limit(MOST, nowMs) : MOST;
    while (hasBacklog && backlog < limit) send(true);
    const next = acks.toSorted((left, right) => left.atMs - right.atMs)[0];
    if (next === undefined || dueMs <= next.atMs) {
      nowMs = dueMs;
      dueMs += freshEveryMs;
      send(false);
      continue;
    }
    nowMs = next.atMs;
    acks.splice(acks.indexOf(next), 1);
    const tookMs = nowMs - next.sentMs;
    window.noteAcked({ row: next.row, isBacklog: next.isBacklog, tookMs }, nowMs);
    if (next.isBacklog) backlog -= 1;
    if (nowMs < 3000 + 300 * link.recordMs) continue;
    if (next.isBacklog) backlogRecords += 1;
    else fresh.push(tookMs);
  }
  return { freshMs: fresh.toSorted((left, right) => left - right)[Math.floor(fresh.length / 2)] ?? 0, backlogRecords };
}

describe("BacklogWindow", () => {
  it.each([
    { name: "a broker beside the agent", recordMs: 0.1, roundMs: 0.6 },
    { name: "a fast mobile link", recordMs: 0.5, roundMs: 50 },
    { name: "a slow mobile link", recordMs: 16, roundMs: 60 },
    { name: "a very slow link", recordMs: 400, roundMs: 300 },
  ])("lets fresh records wait at most twice as long as without a backlog, and uses the link: $name", (one) => {
    const link = { recordMs: one.recordMs, delayMs: () => one.roundMs };
    const freshEveryMs = Math.max(250, one.recordMs * 10);
    const seconds = 20 + 2 * one.recordMs;
    const alone = drain(link, { seconds, freshEveryMs, hasBacklog: false });
    const beside = drain(link, { seconds, freshEveryMs });
    const unbound = drain(link, { seconds, freshEveryMs, isBound: false });
    expect(beside.freshMs).toBeLessThanOrEqual(2 * alone.freshMs);
    expect(beside.backlogRecords).toBeGreaterThan(0.85 * unbound.backlogRecords);
  });

  it(`drains no slower for PUBACKs that come unevenly where no queue is the reason (seed ${SEED})`, () => {
    const random = seededRandom(SEED);
    // 40 ms, and half as much again on average: some take five times as long.
    const link = { recordMs: 0.2, delayMs: () => 40 - 20 * Math.log(1 - random()) };
    const bound = drain(link);
    const unbound = drain(link, { isBound: false });
    expect(bound.backlogRecords).toBeGreaterThan(0.8 * unbound.backlogRecords);
  });

  it("takes up with a link that became slower or faster within some looks", () => {
    const window = new BacklogWindow();
    window.startConnection(0);
    expect(window.limit(MOST, 0)).toBe(2);
    let nowMs = 500;
    const look = (tookMs: number): void => {
      for (let sample = 0; sample < 5; sample += 1) {
        expect(window.limit(MOST, nowMs)).toBe(1);
        window.noteSent(sample, true, 0);
        window.noteAcked({ row: sample, isBacklog: true, tookMs }, nowMs);
      }
    };
    const acks = (count: number, tookMs: number): void => {
      for (let at = 0; at < count; at += 1) {
        window.noteSent(1, true, 1);
        window.noteAcked({ row: 1, isBacklog: true, tookMs }, nowMs);
      }
    };
    look(10);
    acks(500, 100);
    expect(window.limit(MOST, nowMs)).toBe(2);
    for (let again = 0; again < 2; again += 1) {
      nowMs += 10_000;
      look(100);
    }
    acks(500, 100);
    expect(window.limit(MOST, nowMs)).toBe(MOST);
  });

  it("forgets with another connection what it knew of the link before, and sends little until it knows this one", () => {
    const window = new BacklogWindow();
    window.startConnection(0);
    expect(window.limit(MOST, 0)).toBe(2);
    window.noteSent(1, false, 0);
    window.noteAcked({ row: 1, isBacklog: false, tookMs: 9 }, 1);
    for (let at = 0; at < 500; at += 1) window.noteAcked({ row: 2, isBacklog: true, tookMs: 9 }, 1);
    expect(window.limit(MOST, 1)).toBe(MOST);
    window.startConnection(100);
    expect(window.limit(MOST, 100)).toBe(2);
    for (let at = 0; at < 500; at += 1) window.noteAcked({ row: 2, isBacklog: true, tookMs: 9 }, 100);
    expect(window.limit(MOST, 100)).toBe(2);
  });
});
