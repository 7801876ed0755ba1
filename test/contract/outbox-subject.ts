import { afterEach, beforeEach } from "vitest";
import { AgentError, type FaultCode } from "../../agent/core/errors.ts";
import type { LossRange, Outbox, RecordDraft, RecordId, StreamName, ThinRecords } from "../../agent/ports/outbox.ts";
import { ManualClock } from "../fakes/core/clock.ts";

/** One outbox under test, and how to be rid of it. */
export type OutboxSubject = { readonly outbox: Outbox; end(): void };

/** Opens an empty outbox. */
export type OpenOutboxSubject = (maxBytes: number, clock: ManualClock) => OutboxSubject;

/** A draft of `bytes` bytes whose payload starts with its own stream and seq. */
export function draftOf(stream: StreamName, bytes: number, change: Partial<RecordDraft> = {}): RecordDraft {
  return {
    stream,
    encoding: "identity",
    timeQuality: "ntp",
    lifeMs: undefined,
    retainKey: undefined,
    seal: (id) => payloadOf(id, bytes),
    ...change,
  };
}

/** The payload that `draftOf` gives the record with this id. */
export function payloadOf(id: RecordId, bytes: number): Uint8Array {
  const payload = new Uint8Array(bytes).fill(id.seq & 0xff);
  payload.set(new TextEncoder().encode(`${id.stream} ${id.seq} `).subarray(0, bytes));
  return payload;
}

/** First byte of a payload that `thinForTest` cannot thin. */
export const UNFIT = 0xff;

/**
 * Thins payloads of `draftOf`: the new one holds its own stream and seq, ratio and the seqs that it stands for, as text, and is as long as they
 * together are by the ratio. Those go together whose lengths have the same rest by three.
 */
export const thinForTest: ThinRecords = (records, ratio, { stream, seq }) => {
  const places = records.map((_, at) => at);
  const unfit = places.filter((at) => records[at].payload[0] === UNFIT);
  const fit = places.filter((at) => !unfit.includes(at));
  const lane = (at: number): number => records[at].payload.length % 3;
  const taken = fit.filter((at) => lane(at) === lane(fit[0]));
  const bytes = taken.reduce((sum, at) => sum + records[at].payload.length, 0);
  const text = `${stream} ${seq} thinned ${ratio}:1 ${taken.map((at) => records[at].seq).join(",")};`;
  return { taken, unfit, payload: new TextEncoder().encode(text.padEnd(Math.floor(bytes / ratio))) };
};

/** The code of the fault that `call` throws; undefined when it throws none. */
export function faultCodeOf(call: () => unknown): FaultCode | undefined {
  try {
    call();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof AgentError) return thrown.code;
    throw thrown;
  }
}

/** Takes every noted loss out of the outbox, as short text: "telemetry 1-3 evicted". */
export function takeLosses(outbox: Outbox): readonly string[] {
  const losses: LossRange[] = [];
  outbox.reportLosses((loss) => {
    losses.push(loss);
    return draftOf("event", 1);
  }, 1000);
  return losses.map(({ stream, first, last, reason }) => `${stream} ${first}-${last} ${reason}`);
}

/** What is kept, as [key, bytes]. */
export function keptOf(outbox: Outbox): readonly (readonly [string, readonly number[]])[] {
  return outbox.kept().map(({ key, value }) => [key, [...value]]);
}

/** No bound. */
export const ALL = Number.MAX_SAFE_INTEGER;

/** Opens an outbox for each test of the group around it. */
export function use(
  open: OpenOutboxSubject,
  maxBytes = 10_000,
): { readonly outbox: () => Outbox; readonly clock: ManualClock } {
  let subject: OutboxSubject | undefined;
  const clock = new ManualClock();
  beforeEach(() => {
    subject = open(maxBytes, clock);
  });
  afterEach(() => subject?.end());
  return {
    clock,
    outbox: () => {
      if (subject === undefined) throw new Error("used outside a test");
      return subject.outbox;
    },
  };
}

/** The seqs of a stream that `read` gives. */
export function seqsOf(outbox: Outbox, stream: StreamName): readonly number[] {
  return outbox.read(stream, 0, ALL, 1000, ALL).map(({ seq }) => seq);
}

/** The rows of a stream that `read` gives. */
export function rowsOf(outbox: Outbox, stream: StreamName): readonly number[] {
  return outbox.read(stream, 0, ALL, 1000, ALL).map(({ row }) => row);
}
