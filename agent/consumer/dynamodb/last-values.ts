import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { type ClockQuality, isBelievable } from "../../core/clock.ts";
import type { Run, SampleBatch } from "../rows/sample-batch.ts";
import { anyNumber, number, text } from "./attributes.ts";
import type { Item } from "./table-client.ts";

/** Longest name of a bus and a signal together that is kept, bytes: with the name of a worker (121 at most) a bus fits into a key, of 1024. */
const MAX_NAME_BYTES = 880;

/** Buses of a vehicle in one commit, derived signals for one; an agent has at most 32. */
const MAX_BUSES = 64;

/** The newest value of a signal that a batch has. */
export type LastValue = {
  /** Undefined where it says a state, which is its text. */
  readonly value: number | bigint | undefined;
  readonly timeUs: number;
  readonly quality: ClockQuality;
  readonly unit: string;
  readonly text: string | undefined;
  readonly vssPath: string | undefined;
  /**
   * Of two values the one with the higher order is the newer one: its time; of a clock that nothing vouches for, or that is ahead of
   * the worker's, when the value came. So a vehicle that once believed to be in the year 2100 is not stuck with what it said then.
   */
  readonly orderUs: number;
};

/** By name: "Message.Signal", "Message.Signal@SOURCE" of a signal with a sender, "Message.Signal:mean/10000000" of an aggregate. */
export type LastValues = Map<string, LastValue>;

/** Puts the newest value of each signal in `batch` into `buses`, by bus; gives how many had no room, or a name that is too long. */
export function takeLast(buses: Map<string, LastValues>, batch: SampleBatch, receivedUs: number): number {
  const { timesUs, values } = batch;
  let dropped = 0;
  for (const run of batch.runs) {
    const row = newestRow(timesUs, run);
    const { signal, record } = run;
    const name = nameOf(run);
    if (row === undefined) continue;
    const isNew = !buses.has(signal.bus);
    if ((isNew && buses.size >= MAX_BUSES) || Buffer.byteLength(`${signal.bus}${name}`) > MAX_NAME_BYTES) {
      dropped += 1;
      continue;
    }
    const timeUs = timesUs[row];
    const isVouched = isBelievable(record.timeQuality);
    const of = buses.get(signal.bus) ?? new Map<string, LastValue>();
    buses.set(signal.bus, of);
    takeNewer(of, name, {
      value: batch.stated.has(row) ? undefined : (batch.exact.get(row) ?? values[row]),
      timeUs,
      quality: record.timeQuality,
      unit: signal.unit,
      text: batch.texts[row],
      vssPath: signal.vssPath,
      orderUs: isVouched ? Math.min(timeUs, receivedUs) : receivedUs,
    });
  }
  return dropped;
}

function takeNewer(values: LastValues, name: string, value: LastValue): void {
  const known = values.get(name);
  if (known === undefined || isNewer(value, known)) values.set(name, value);
}

/** Whether `one` replaces `other`. */
export function isNewer(
  one: { readonly orderUs: number; readonly timeUs: number },
  other: { readonly orderUs: number; readonly timeUs: number },
): boolean {
  return one.orderUs === other.orderUs ? one.timeUs > other.timeUs : one.orderUs > other.orderUs;
}

/** A value as an attribute. */
export function lastAttribute({
  value,
  timeUs,
  quality,
  unit,
  text: called,
  vssPath,
  orderUs,
}: LastValue): AttributeValue {
  const facts: Item = { t: number(timeUs), q: text(quality), u: text(unit), o: number(orderUs) };
  if (value !== undefined) facts.v = anyNumber(value);
  if (called !== undefined) facts.x = text(called);
  if (vssPath !== undefined) facts.p = text(vssPath);
  return { M: facts };
}

function nameOf({ signal, source }: Run): string {
  const { message, signal: name, aggregate, windowUs = 0 } = signal;
  const full = message === "" ? name : `${message}.${name}`;
  const sender = source === undefined ? "" : `@${source}`;
  return aggregate === undefined ? `${full}${sender}` : `${full}${sender}:${aggregate}/${windowUs}`;
}

function newestRow(timesUs: Float64Array, { start, length }: Run): number | undefined {
  let newest: number | undefined;
  for (let row = start; row < start + length; row++)
    if (newest === undefined || timesUs[row] >= timesUs[newest]) newest = row;
  return newest;
}
