import fc from "fast-check";
import type { SignalEntry } from "../../../agent/signals/signal-entry.ts";
import type { Reading, Sampler, SamplerInput, SampleSink } from "../../../agent/telemetry/collect/sampler.ts";
import { tableOf } from "./table.ts";

/** 2026-01-01T00:00:00Z, µs since the Unix epoch: a whole multiple of every window of the tests. */
export const T0 = 1_767_225_600_000_000;

/** A raw sample that came out (`bits` as a signed 64-bit integer), or a value that was worked out. Times are µs since `T0`. */
export type Taken = { readonly output: number; readonly us: number; readonly bits?: bigint; readonly value?: number };

/** One sample on its way in: signal `local`, µs since `T0`. A bigint is a wide integer. */
export type Given = { readonly local: number; readonly us: number; readonly raw: number | bigint };

/** Remembers what samplers take, in order. */
export class TakenSamples implements SampleSink {
  readonly list: Taken[] = [];

  takeRaw(output: number, timeUs: number, low: number, high: number): void {
    this.list.push({ output, us: timeUs - T0, bits: new BigInt64Array(Uint32Array.of(low, high).buffer)[0] });
  }

  takeValue(output: number, timeUs: number, value: number): void {
    this.list.push({ output, us: timeUs - T0, value });
  }
}

/** The 64 bits of a raw value. */
export function bitsOf(raw: number | bigint): bigint {
  return typeof raw === "bigint" ? raw : new BigInt64Array(Float64Array.of(raw).buffer)[0];
}

/** What a collector hands to samplers: one object, reused. */
export class Readings {
  readonly #reading: Reading = { slot: 0, timeUs: 0, raw: 0, low: 0, high: 0 };

  give(sampler: Sampler, { local, us, raw }: Given): void {
    const words = new Uint32Array(BigInt64Array.of(bitsOf(raw)).buffer);
    const reading = this.#reading;
    reading.slot = local;
    reading.timeUs = T0 + us;
    reading.raw = Number(raw);
    reading.low = words[0];
    reading.high = words[1];
    sampler.take(local, reading);
  }
}

/** A signal S0, S1, ... of the message M, of 16 bits; `facts` change that. */
export function signalEntry(slot: number, facts: Partial<SignalEntry> = {}): SignalEntry {
  const [entry] = tableOf([{ name: "M", signals: [{ name: `S${slot}`, unit: "V" }] }]).signals;
  return { ...entry, ...facts };
}

/** A signal whose physical value is its raw value, with output 100 + slot; `facts` change that. */
export function inputOf(slot: number, facts: Partial<SamplerInput> = {}): SamplerInput {
  const signal = signalEntry(slot);
  return { slot, output: 100 + slot, factor: 1, offset: 0, isWide: false, signal, ...facts };
}

/** A made sampler with what it has taken. */
export function rigOf<S extends Sampler>(
  make: (sink: SampleSink) => S,
  inputs: readonly SamplerInput[] = [inputOf(0)],
): { readonly sampler: S; readonly taken: TakenSamples; readonly readings: Readings } {
  const taken = new TakenSamples();
  const sampler = make(taken);
  for (const input of inputs) sampler.add(input);
  return { sampler, taken, readings: new Readings() };
}

/** What a random run of a sampler does next. "add" takes a further signal on; "close" is a tick of the monotonic clock. */
export type Step =
  | ({ readonly kind: "take" } & Given)
  | { readonly kind: "add" }
  | { readonly kind: "close"; readonly nowMs: number; readonly cause: "tick" | "trip" };

/**
 * Runs of steps over signals that grow from one to five. Times go on by 0, by a little, to a bound of `windowUs` or one off it, by many
 * windows, or back (a step of the clock); monotonic time follows loosely. `values` are the raw values.
 */
export function stepsOf(windowUs: number, values: fc.Arbitrary<number | bigint>): fc.Arbitrary<Step[]> {
  const move = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: windowUs }).map((by) => (us: number) => us + by) },
    { weight: 3, arbitrary: fc.constantFrom(-1, 0, 1).map((off) => (us: number) => boundAfter(us, windowUs) + off) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 50 }).map((many) => (us: number) => us + many * windowUs) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 5 * windowUs }).map((by) => (us: number) => us - by) },
  );
  const step = fc.oneof(
    { weight: 12, arbitrary: fc.record({ kind: fc.constant("take" as const), at: fc.nat(), move, raw: values }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("add" as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("close" as const),
        passMs: fc.integer({ min: 0, max: Math.ceil(windowUs / 500) }),
        cause: fc.constantFrom("tick" as const, "tick" as const, "trip" as const),
      }),
    },
  );
  return fc.array(step, { maxLength: 60 }).map((steps) => {
    let signals = 1;
    let us = 0;
    let nowMs = 0;
    return steps.flatMap((next): Step[] => {
      if (next.kind === "add") {
        if (signals === 5) return [];
        signals += 1;
        return [next];
      }
      if (next.kind === "take") {
        us = next.move(us);
        return [{ kind: "take", local: next.at % signals, us, raw: next.raw }];
      }
      nowMs += next.passMs;
      return [{ kind: "close", nowMs, cause: next.cause }];
    });
  });
}

function boundAfter(us: number, windowUs: number): number {
  return (Math.floor(us / windowUs) + 1) * windowUs;
}

/** Runs `steps`, closes with "stop", and gives what was taken of each signal, by local number. The rig has one signal at first. */
export function runSteps(sampler: Sampler, taken: TakenSamples, steps: readonly Step[]): Taken[][] {
  const readings = new Readings();
  let signals = 1;
  for (const step of steps) {
    if (step.kind === "add") sampler.add(inputOf(signals++));
    else if (step.kind === "close") sampler.close(step.nowMs, step.cause);
    else readings.give(sampler, step);
  }
  sampler.close(Number.MAX_SAFE_INTEGER, "stop");
  return Array.from({ length: signals }, (_, local) => taken.list.filter(({ output }) => output === 100 + local));
}

/** Raw values that are often equal, with the odd ones among them. */
export const oddNumbers: fc.Arbitrary<number> = fc.oneof(
  fc.integer({ min: -4, max: 4 }),
  fc.constantFrom(Number.NaN, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.1),
  fc.double(),
);
