import {
  type Anchor,
  betterAnchor,
  type ClockShift,
  isOfBoot,
  shiftOf,
} from "../../../agent/consumer/store/clock-offsets.ts";
import type { Delivery } from "../../../agent/consumer/store/delivery.ts";
import { type RecordTable, withPart } from "../../../agent/consumer/store/record-table.ts";
import { SeqAccount } from "../../../agent/consumer/store/seq-account.ts";
import type { CommitOutcome, Gap, RefusedDelivery, Sink, SinkStatus } from "../../../agent/consumer/store/sink.ts";
import type { StreamName } from "../../../agent/ports/outbox.ts";

type Owner = { readonly thing: string; readonly epoch: number; readonly stream: StreamName };

/** A delivery as it was written, with what its times were put right by when it was. */
export type Written = { readonly delivery: Delivery; readonly shift: ClockShift };

/** What several sinks share, in memory. */
export class MemoryStore {
  /** In the order in which they were committed. */
  readonly written: Written[] = [];
  readonly accounts = new Map<string, { readonly owner: Owner; readonly account: SeqAccount }>();
  readonly clocks = new Map<string, Anchor>();
  readonly tables = new Map<string, RecordTable>();
}

/** How it behaves; what is left out is done well. */
export type MemoryBehaviour = {
  /** Called at the start of a commit, which waits for it; its rejection is that of the commit, and nothing is written. */
  readonly before?: (batch: readonly Delivery[]) => Promise<void>;
  /** Called when all is written; its rejection is that of the commit: as where the answer of a store is lost. */
  readonly after?: (batch: readonly Delivery[]) => Promise<void>;
  /** Why it never takes a delivery; undefined for one that it takes. */
  readonly refusal?: (delivery: Delivery) => string | undefined;
};

/** A sink as `agent/consumer/store/sink.ts` promises it, without a file or a service. */
export class MemorySink implements Sink {
  readonly store: MemoryStore;
  readonly #behaviour: MemoryBehaviour;
  #counts = { records: 0, repeats: 0, samples: 0, bytes: 0 };
  isClosed = false;

  constructor(store: MemoryStore = new MemoryStore(), behaviour: MemoryBehaviour = {}) {
    this.store = store;
    this.#behaviour = behaviour;
  }

  async commit(batch: readonly Delivery[]): Promise<CommitOutcome> {
    await this.#behaviour.before?.(batch);
    const refused: RefusedDelivery[] = [];
    const fresh: Delivery[] = [];
    for (const delivery of batch) {
      const reason = this.#behaviour.refusal?.(delivery);
      const outcome = reason === undefined ? this.#take(delivery) : "full";
      if (outcome === "full") refused.push({ delivery, reason: reason ?? "too-many-gaps", detail: "" });
      else if (outcome === "new") fresh.push(delivery);
    }
    for (const { record } of fresh) this.#remember(record);
    for (const delivery of fresh) this.#write(delivery);
    const repeats = batch.length - fresh.length - refused.length;
    this.#counts = { ...this.#counts, repeats: this.#counts.repeats + repeats };
    await this.#behaviour.after?.(batch);
    return { written: fresh.length, repeats, refused };
  }

  table(thing: string, id: string): Promise<RecordTable | undefined> {
    return Promise.resolve(this.store.tables.get(`${thing} ${id}`));
  }

  async *gaps(nowUs: number, graceMs: number): AsyncGenerator<Gap> {
    for (const { owner, account } of this.store.accounts.values()) {
      for (const gap of account.gaps(nowUs - graceMs * 1000)) yield { ...owner, ...gap };
    }
  }

  status(): SinkStatus {
    return { ...this.#counts, oldestStagedUs: undefined };
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }

  #take({ record, receivedUs }: Delivery): "new" | "known" | "full" {
    return this.#account(record).take(record, receivedUs);
  }

  #remember(record: Delivery["record"]): void {
    const { thing, bootId, anchor, body } = record;
    const boot = `${thing} ${bootId}`;
    const known = this.store.clocks.get(boot);
    if (isOfBoot(record)) this.store.clocks.set(boot, known === undefined ? anchor : betterAnchor(known, anchor));
    if (body.kind === "loss") this.#account({ thing, epoch: body.epoch, stream: body.stream }).lose(body);
    if (body.kind !== "table") return;
    const key = `${thing} ${body.id}`;
    this.store.tables.set(key, withPart(this.store.tables.get(key), body));
  }

  #write(delivery: Delivery): void {
    const { record } = delivery;
    const best = this.store.clocks.get(`${record.thing} ${record.bootId}`);
    this.store.written.push({ delivery, shift: shiftOf(record.anchor, best) });
    const { records, samples, bytes, repeats } = this.#counts;
    const more = samplesIn(delivery);
    this.#counts = { records: records + 1, samples: samples + more, bytes: bytes + delivery.wireBytes, repeats };
  }

  #account({ thing, epoch, stream }: Owner): SeqAccount {
    const key = `${thing} ${epoch} ${stream}`;
    const known = this.store.accounts.get(key) ?? { owner: { thing, epoch, stream }, account: new SeqAccount() };
    this.store.accounts.set(key, known);
    return known.account;
  }
}

function samplesIn({ record: { body } }: Delivery): number {
  if (body.kind === "rows") return body.rows.length;
  return body.kind === "samples" ? body.columns.reduce((sum, { raws }) => sum + raws.length, 0) : 0;
}
