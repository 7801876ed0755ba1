import { describe, expect, it } from "vitest";
import { type ConnectionEnd, SessionTakeovers } from "../../../../../drivers/aws/link/session-takeovers.ts";

const TAKEN: ConnectionEnd = {
  errorName: "AWS_ERROR_MQTT5_DISCONNECT_RECEIVED",
  reasonCode: 0x8e,
  livedMs: 10,
  unacknowledged: 0,
};
const TAKEOVER_HANGUP: ConnectionEnd = {
  errorName: "AWS_ERROR_MQTT_UNEXPECTED_HANGUP",
  reasonCode: undefined,
  livedMs: 10,
  unacknowledged: 0,
};
const LOST: ConnectionEnd = {
  errorName: "AWS_IO_SOCKET_CLOSED",
  reasonCode: undefined,
  livedMs: 10,
  unacknowledged: 0,
};
const TEN_MINUTES_MS = 600_000;

describe("Takeovers", () => {
  it.each([
    ["0x8e", TAKEN],
    ["a close without DISCONNECT", TAKEOVER_HANGUP],
  ])(
    "leaves the session to the other client for longer and longer after %s, and calls it contested at the third",
    (_name, end) => {
      const takeovers = new SessionTakeovers();
      const seen = Array.from({ length: 5 }, () => [takeovers.noteEnd(end, () => 0), takeovers.isContested]);
      expect(seen).toEqual([
        [0, false],
        [10_000, false],
        [30_000, true],
        [90_000, true],
        [90_000, true],
      ]);
    },
  );

  it.each([0, 0.999])(
    "connects at most 10 times in 10 minutes against a client that takes over at once (random %d)",
    (random) => {
      const takeovers = new SessionTakeovers();
      const connects: number[] = [];
      for (let atMs = 0; atMs < 4 * TEN_MINUTES_MS; ) {
        connects.push(atMs);
        atMs += TAKEN.livedMs + takeovers.noteEnd(TAKEN, () => random);
      }
      const busiest = connects.map((from) => connects.filter((at) => at >= from && at < from + TEN_MINUTES_MS).length);
      expect(Math.max(...busiest)).toBeLessThanOrEqual(10);
      expect(takeovers.noteEnd(TAKEN, () => random)).toBeGreaterThanOrEqual(60_000);
    },
  );

  it("does not slow down a link that breaks, a broker that says why, or one that hangs up after it refused something", () => {
    const takeovers = new SessionTakeovers();
    const waits = [LOST, { ...TAKEN, reasonCode: 0x8b }, LOST, LOST].map((end) => takeovers.noteEnd(end, () => 0));
    takeovers.noteRejection();
    waits.push(takeovers.noteEnd(TAKEOVER_HANGUP, () => 0));
    for (let n = 0; n < 4; n++) waits.push(takeovers.noteEnd({ ...TAKEOVER_HANGUP, unacknowledged: 1 }, () => 0));
    expect(waits.every((waitMs) => waitMs === 0)).toBe(true);
    expect(takeovers.isContested).toBe(false);
  });

  it.each([10_000, 30_000, 65_000, 235_000])(
    "takes a connection that was hung up after %d ms for one that a device on the way found idle",
    (livedMs) => {
      const takeovers = new SessionTakeovers();
      const waits = Array.from({ length: 6 }, () => takeovers.noteEnd({ ...TAKEOVER_HANGUP, livedMs }, () => 0.5));
      expect(waits).toEqual([0, 0, 0, 0, 0, 0]);
      expect(takeovers.isContested).toBe(false);
    },
  );

  it("forgets a fight after a connection that lasted", () => {
    const takeovers = new SessionTakeovers();
    for (let n = 0; n < 4; n++) takeovers.noteEnd(TAKEN, () => 0);
    expect(takeovers.noteEnd({ ...TAKEN, livedMs: TEN_MINUTES_MS }, () => 0)).toBe(0);
    expect(takeovers.isContested).toBe(false);
  });
});
