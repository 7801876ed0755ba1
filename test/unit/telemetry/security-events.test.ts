import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { SECURITY_EVENTS, type SecurityEvent } from "../../../agent/telemetry/record/encode/security-event.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { type Occurrence, SecurityEvents } from "../../../agent/telemetry/security-events.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { encoderOf, idOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

const SEED = 1801;
const WINDOW_MS = 60_000;
const DENIED: Occurrence = { event: "command-refused", reason: "ACCESS_DENIED", source: "aws", detail: "" };
const PIN: Occurrence = { event: "pin-refused", reason: "token", source: "", detail: "the first try" };

type Told = SecurityEvent & { readonly atMs: number };

function made() {
  const clock = new ManualClock();
  const told: Told[] = [];
  const events = new SecurityEvents(clock, WINDOW_MS);
  events.tellTo((event) => told.push({ ...event, atMs: clock.monotonicMs() }));
  return { clock, told, events, stop: events.start() };
}

function kindOf({ event, reason, source }: Pick<Occurrence, "event" | "reason" | "source">): string {
  return `${event}/${reason}/${source}`;
}

describe("SecurityEvents", () => {
  it("tells the first at once, and its repeats together at the end of the window", () => {
    const { clock, told, events, stop } = made();
    const startUs = clock.wallUs();
    events.note(PIN);
    expect(told).toMatchObject([{ ...PIN, count: 1, firstUs: startUs, timeUs: startUs }]);
    clock.advance(1000);
    events.note({ ...PIN, detail: "the second" });
    clock.advance(9000);
    events.note({ ...PIN, detail: "the third" });
    events.note(DENIED);
    expect(told).toHaveLength(2);
    clock.advance(WINDOW_MS);
    expect(told).toHaveLength(3);
    const second = { count: 2, firstUs: startUs + 1_000_000, timeUs: startUs + 10_000_000, detail: "the second" };
    expect(told[2]).toMatchObject({ event: "pin-refused", ...second });
    clock.advance(2 * WINDOW_MS);
    events.note(PIN);
    expect(told).toHaveLength(4);
    expect(told[3]).toMatchObject({ count: 1 });
    stop();
    expect(clock.waiting()).toBe(0);
  });

  it("tells what was counted when it is stopped", () => {
    const { told, events, stop } = made();
    for (let n = 0; n < 5; n += 1) events.note(PIN);
    stop();
    expect(told.map(({ count }) => count)).toEqual([1, 4]);
  });

  it("counts what happens before anybody takes it", () => {
    const events = new SecurityEvents(new ManualClock(), WINDOW_MS);
    events.note(PIN);
    expect(events.counters()).toEqual({
      occurrences: [{ event: "pin-refused", reason: "token", count: 1 }],
      told: 0,
      untold: 1,
    });
  });

  it("loses none, and has one event a kind and window, whoever tries whatever how often", () => {
    const kinds = fc.record({
      event: fc.constantFrom(...SECURITY_EVENTS),
      reason: fc.constantFrom("a", "b", "c", "d"),
      source: fc.constantFrom("aws", "local", "companion"),
      detail: fc.constant(""),
    });
    const step = fc.record({ happened: kinds, afterMs: fc.oneof(fc.constant(0), fc.nat(90_000)), times: fc.nat(6) });
    const property = fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const { clock, told, events, stop } = made();
      const happened = new Map<string, number>();
      let all = 0;
      for (const { happened: one, afterMs, times } of steps) {
        clock.advance(afterMs);
        for (let n = 0; n < times; n += 1) events.note(one);
        happened.set(kindOf(one), (happened.get(kindOf(one)) ?? 0) + times);
        all += times;
      }
      const inOrder = told.length;
      stop();
      const { untold, occurrences } = events.counters();
      const said = new Map<string, number>();
      for (const event of told) said.set(kindOf(event), (said.get(kindOf(event)) ?? 0) + event.count);
      for (const [kind, count] of said) expect(count).toBeLessThanOrEqual(happened.get(kind) ?? 0);
      const counted = told.reduce((sum, { count }) => sum + count, 0);
      expect(counted + untold).toBe(all);
      expect(occurrences.reduce((sum, { count }) => sum + count, 0)).toBe(all);
      expect(told.reduce((sum, event) => sum + event.untold, 0)).toBeLessThanOrEqual(untold);
      const lastOf = new Map<string, number>();
      for (const event of told.slice(0, inOrder)) {
        const before = lastOf.get(kindOf(event)) ?? Number.NEGATIVE_INFINITY;
        expect(event.atMs - before).toBeGreaterThanOrEqual(WINDOW_MS);
        lastOf.set(kindOf(event), event.atMs);
      }
    });
    fc.assert(property, { seed: SEED, numRuns: 200 });
  });

  it("keeps 64 kinds at a time, and says with the next event how many it did not tell", () => {
    const { clock, told, events } = made();
    for (let n = 0; n < 100; n += 1) events.note({ ...DENIED, reason: `R${n}` });
    expect(told).toHaveLength(64);
    clock.advance(2 * WINDOW_MS);
    events.note(PIN);
    expect(told.at(-1)).toMatchObject({ event: "pin-refused", count: 1, untold: 36 });
    events.note({ ...PIN, reason: "hierarchy" });
    expect(told.at(-1)).toMatchObject({ untold: 0 });
  });
});

describe("a record of a security event", () => {
  it("is read as it was written, its detail cut to fit", () => {
    const reader = createRecordReader(readDescriptor());
    const encoder = encoderOf(tableOf([]));
    const timeUs = fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
    const count = fc.integer({ min: 0, max: 2 ** 52 });
    const event = fc.record({
      event: fc.constantFrom(...SECURITY_EVENTS),
      reason: fc.string({ maxLength: 20 }),
      source: fc.string({ maxLength: 20 }),
      detail: fc.string({ maxLength: 500 }),
      count,
      firstUs: timeUs,
      timeUs,
      untold: count,
    });
    const property = fc.property(event, (one) => {
      const draft = encoder.securityEvent(one);
      expect(draft.stream).toBe("event");
      const { body } = reader.decode(draft.seal(idOf(1, "event")));
      expect(body).toEqual({ kind: "security-event", ...one, detail: one.detail.slice(0, 300) });
    });
    fc.assert(property, { seed: SEED });
  });
});
