import { z } from "zod";
import type { Broker, ReceivedPublish } from "../../../../agent/ports/broker.ts";
import { DeliveryAccount } from "../delivery-account.ts";
import { createRecordReader, type ReadRecord, type WireRecord, type WireSignal } from "../record-reader.ts";
import { columnsOf, type SampleColumn } from "../sample-judge.ts";

/** Records are shared among the consumers; each of them has the signal tables and hears who is present. */
const RECORDS = "$share/bench/dt/causeway/+/+";
const TABLES = "dt/causeway/+/schema/+";
const PRESENCE = "dt/causeway/+/presence";

const presence = z.object({
  state: z.enum(["online", "asleep", "lost"]),
  at: z.iso.datetime(),
  bootId: z.string(),
  reason: z.string().optional(),
  nextCheckInAt: z.iso.datetime().optional(),
});
/** What the van said of its link, and when that came: vehicle time, ms. */
export type PresenceHeard = z.infer<typeof presence> & { readonly heardMs: number };

/** A record as it came, for the first time. */
export type DayRecord = {
  readonly record: WireRecord;
  /** When it came, vehicle time, ms. */
  readonly heardMs: number;
  /** Of the payload. */
  readonly bytes: number;
};

/** What judges ask of what was heard. */
export type Heard = Pick<DayRecords, "records" | "columns">;

/** All that two consumers hear in a day. */
export class DayRecords {
  readonly account = new DeliveryAccount();
  readonly records: DayRecord[] = [];
  readonly presences: PresenceHeard[] = [];
  /** What is no record, in words. */
  readonly broken: string[] = [];
  readonly #read: ReadRecord;
  readonly #nowMs: () => number;
  readonly #tables = new Map<string, Map<number, WireSignal>>();

  constructor(descriptor: Uint8Array, nowMs: () => number) {
    this.#read = createRecordReader(descriptor);
    this.#nowMs = nowMs;
  }

  /** Takes what comes over the sessions; the first also hears who is present. */
  async listen(sessions: readonly Broker[]): Promise<void> {
    for (const [at, session] of sessions.entries()) {
      const take = (message: ReceivedPublish): void => this.#take(`consumer-${at + 1}`, message);
      await session.subscribe(RECORDS, take);
      await session.subscribe(TABLES, take);
      if (at === 0) await session.subscribe(PRESENCE, ({ payload }) => this.#hear(payload));
    }
  }

  /** Columns of a record of samples. Undefined where its table has not come. */
  columns({ samples }: WireRecord): readonly SampleColumn[] | undefined {
    if (samples === undefined) return [];
    const table = this.#tables.get(samples.table);
    return table === undefined ? undefined : columnsOf(samples, table);
  }

  #take(consumer: string, { topic, payload, contentType, userProperties }: ReceivedPublish): void {
    if (/\/(presence|identity)$/.test(topic)) return;
    const heardMs = this.#nowMs();
    try {
      const encoding = userProperties.find(([key]) => key === "encoding")?.[1] ?? "identity";
      const record = this.#read(payload, encoding, contentType);
      const isNew = this.account.note({ ...deliveryOf(record), consumer, bytes: payload.length });
      // A record may be delivered again: that is what its id is for.
      if (!isNew) return;
      this.#learn(record);
      this.records.push({ record, heardMs, bytes: payload.length });
    } catch (thrown) {
      this.broken.push(`${topic}: ${String(thrown)}`);
    }
  }

  #learn({ loss, table }: WireRecord): void {
    if (loss !== undefined) {
      const { epoch, stream, first, last } = loss;
      this.account.noteLoss({ epoch: Number(epoch), stream, first: Number(first), last: Number(last) });
    }
    if (table === undefined) return;
    const known = this.#tables.get(table.id) ?? new Map<number, WireSignal>();
    this.#tables.set(table.id, known);
    for (const signal of table.signals) known.set(signal.index, signal);
  }

  #hear(payload: Uint8Array): void {
    const heard: unknown = JSON.parse(new TextDecoder().decode(payload));
    this.presences.push({ ...presence.parse(heard), heardMs: this.#nowMs() });
  }
}

function deliveryOf({ thing, epoch, stream, seq, body, thinned }: WireRecord) {
  let kept = 0n;
  const standsFor = (thinned?.seqs ?? []).map((delta) => {
    kept += delta;
    return Number(kept);
  });
  return { thing, epoch: Number(epoch), stream, seq: Number(seq), samples: 0, copies: body === "table", standsFor };
}
