import { type BackoffBounds, fullJitterMs } from "../../core/backoff.ts";
import type { Clock } from "../../core/clock.ts";
import { AgentError, FAULTS, messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { DecodedRecord } from "../../telemetry/record/read/decoded-record.ts";
import type { Arrival } from "../intake/arrival.ts";
import { type IntakeParts, type Reading, readArrival } from "../intake/intake.ts";
import type { RefusedStore } from "../intake/refused-folder.ts";
import { TableBook, type TableSettings } from "../intake/table-book.ts";
import type { Delivery } from "../store/delivery.ts";
import type { RecordTable } from "../store/record-table.ts";
import type { Sink } from "../store/sink.ts";
import type { BatchBounds, InHand } from "./batcher.ts";
import { Committer } from "./committer.ts";
import { Counters } from "./counters.ts";
import { WaitingRoom } from "./waiting-room.ts";

/** Refusals are logged at most so often, ms: whoever sends them must not fill the log. */
const LOG_EVERY_MS = 10_000;
/** PUBACKs that wait for one commit: of so many arrivals of one record the first came on connections that have ended. */
const MAX_ACKNOWLEDGEMENTS = 16;

export type WorkerSettings = {
  readonly batch: BatchBounds;
  /** Delay before the sink, or a key, is asked again. */
  readonly backoff: BackoffBounds;
  readonly tables: TableSettings;
  /** Records that are read and wait for their commit at a time. */
  readonly maxInHand: number;
  /** Of arrivals that wait to be read, 1 KiB for each among them; more are left to the broker, which sends them again on another connection. */
  readonly maxWaitingBytes: number;
};

export type WorkerParts = {
  readonly settings: WorkerSettings;
  readonly intake: IntakeParts;
  readonly sink: Sink;
  /** Undefined: what is refused is only counted. */
  readonly refused: RefusedStore | undefined;
  /** Asks the broker for a retained message. */
  readonly askFor: (topic: string) => void;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};

/** What a worker has in hand. */
export type HandStatus = {
  /** Arrivals, those that wait to be read among them. */
  readonly inHand: number;
  /** Monotonic ms since which the oldest record waits for its commit; undefined where none does. */
  readonly oldestMs: number | undefined;
  readonly commitFailures: number;
  readonly waitingTables: number;
  /** Arrivals of this connection that there was no room for, and since when. */
  readonly left: number;
  readonly leftSinceMs: number | undefined;
  /** At least half of the hand is free. */
  readonly hasRoom: boolean;
};

/**
 * Takes arrivals, makes deliveries of them and has them committed; what is acknowledged is durable in the sink, refused for good, or no
 * record. An arrival may cost itself and never the process.
 */
export class Worker {
  readonly counters = new Counters();
  readonly #parts: WorkerParts;
  readonly #tables: TableBook;
  readonly #committer: Committer;
  /** Records by their id, from the moment they are read until they are committed. */
  readonly #hand = new Map<string, InHandRecord>();
  readonly #stopping = new AbortController();
  readonly #room: WaitingRoom;
  /** Arrivals that are being read, until they are refused or their record is in hand. */
  readonly #reading = new Set<Arrival>();
  #left = 0;
  #leftSinceMs: number | undefined;
  #loggedMs = Number.NEGATIVE_INFINITY;

  constructor(parts: WorkerParts) {
    const { settings, sink, clock, log, random, intake, askFor } = parts;
    this.#parts = parts;
    this.#room = new WaitingRoom(settings.maxWaitingBytes);
    const ask = (thing: string, key: string): void => askFor(intake.topics.schemaTopic(thing, key));
    this.#tables = new TableBook({ settings: settings.tables, sink, clock, ask });
    this.#committer = new Committer({
      sink,
      settings,
      counters: this.counters,
      clock,
      log,
      random,
      onRefused: (item, reason, detail) => this.#refusedBySink(item, reason, detail),
      onDone: (item) => {
        this.#hand.delete(keyOf(item.delivery.record));
        this.#readNext();
      },
    });
  }

  status(): HandStatus {
    const [oldest] = this.#hand.values();
    const sinceMs = [oldest?.sinceMs, this.#room.oldestMs].filter((since) => since !== undefined);
    const inHand = this.#inHand() + this.#room.size;
    return {
      inHand,
      oldestMs: sinceMs.length === 0 ? undefined : Math.min(...sinceMs),
      commitFailures: this.#committer.failures,
      waitingTables: this.#tables.waiting,
      left: this.#left,
      leftSinceMs: this.#leftSinceMs,
      hasRoom: inHand <= this.#parts.settings.maxInHand / 2,
    };
  }

  /** Commits what was taken until `drain` is through or `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#committer.run(signal);
  }

  /** Takes one message. Never throws; acknowledges it when it may be forgotten, which may be never. */
  take(arrival: Arrival): void {
    this.counters.arrivals += 1;
    if (this.#stopping.signal.aborted) return;
    const { settings, clock, intake } = this.#parts;
    const inHand = this.#inHand();
    // Records in hand may wait for the very table that would stand behind them.
    const isUrgent = (): boolean =>
      inHand < settings.maxInHand * 2 && intake.topics.ownerOf(arrival.topic)?.kind === "schema";
    if ((inHand < settings.maxInHand && this.#room.size === 0) || isUrgent()) this.#begin(arrival);
    else if (!this.#room.add(arrival, clock.monotonicMs())) {
      this.counters.overrun += 1;
      this.#left += 1;
      this.#leftSinceMs ??= clock.monotonicMs();
    }
  }

  /**
   * To be called before anything of a new connection is taken. What was left on the last one comes again if the session was resumed, and so
   * does what waits to be read: there the PUBACKs of the last connection are void.
   */
  connected(isResumed: boolean): void {
    if (isResumed) this.#room.clear();
    this.#left = 0;
    this.#leftSinceMs = undefined;
  }

  /**
   * Takes nothing more, and commits what is in hand: but for what waits to be read, or for a table, which the broker sends again. `run` ends
   * then.
   */
  drain(): void {
    this.#stopping.abort();
    this.#room.clear();
    this.#committer.drain();
  }

  #inHand(): number {
    return this.#hand.size + this.#reading.size;
  }

  #readNext(): void {
    while (this.#inHand() < this.#parts.settings.maxInHand) {
      const next = this.#room.next();
      if (next === undefined) return;
      this.#begin(next);
    }
  }

  #begin(arrival: Arrival): void {
    this.#reading.add(arrival);
    void this.#process(arrival)
      .catch((thrown: unknown) => this.#refuse(arrival, "failed", messageOf(thrown)))
      .finally(() => {
        this.#reading.delete(arrival);
        this.#readNext();
      });
  }

  async #process(arrival: Arrival): Promise<void> {
    const { counters } = this;
    const reading = await this.#read(arrival);
    switch (reading?.kind) {
      case undefined:
        return;
      case "ignored":
        counters.ignored += 1;
        return arrival.acknowledge();
      case "refused":
        return this.#refuse(arrival, reading.reason, reading.detail);
      case "record":
        counters.deliveries += 1;
        counters.wireBytes += arrival.payload.length;
        return this.#takeRecord(arrival, reading);
    }
  }

  /** Undefined when the worker ends before the key of the payload can be asked. */
  async #read(arrival: Arrival): Promise<Reading | undefined> {
    const { intake, clock, settings, random, log } = this.#parts;
    const { signal } = this.#stopping;
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        return await readArrival(intake, arrival);
      } catch (thrown) {
        if (!(thrown instanceof AgentError) || FAULTS[thrown.code].retry !== "backoff") throw thrown;
        if (attempt === 0) log.warn("consumer.key-unavailable", { what: thrown.message });
        await clock.sleep(1 + fullJitterMs(attempt, settings.backoff, random), signal);
      }
    }
    return undefined;
  }

  async #takeRecord(arrival: Arrival, reading: Extract<Reading, { kind: "record" }>): Promise<void> {
    const { record, payload } = reading;
    const key = keyOf(record);
    const known = this.#hand.get(key);
    if (known !== undefined) {
      this.counters.repeats += 1;
      // Those before it are of connections that are gone.
      if (known.acknowledgements.length >= MAX_ACKNOWLEDGEMENTS) known.acknowledgements.shift();
      known.acknowledgements.push(() => arrival.acknowledge());
      return;
    }
    const acknowledgements = [(): void => arrival.acknowledge()];
    const sinceMs = this.#parts.clock.monotonicMs();
    this.#hand.set(key, { acknowledgements, sinceMs });
    this.#reading.delete(arrival);
    const table = await this.#tableOf(record).catch((thrown: unknown) => {
      this.#hand.delete(key);
      throw thrown;
    });
    if (table === "stopping") return;
    const wireBytes = arrival.payload.length;
    const delivery: Delivery = { record, payload, wireBytes, receivedUs: this.#parts.clock.wallUs(), table };
    this.#committer.add({ delivery, acknowledgements, sinceMs });
  }

  /** Asks until the sink can say. A part of a table is told to the records that wait for it. */
  async #tableOf({ thing, body }: DecodedRecord): Promise<RecordTable | undefined | "stopping"> {
    if (body.kind === "table") this.#tables.note(thing, body);
    if (body.kind !== "samples") return undefined;
    const { clock, settings, random } = this.#parts;
    const { signal } = this.#stopping;
    const atHand = this.#tables.find(thing, body.table);
    if (atHand !== undefined) return atHand;
    for (let attempt = 0; !signal.aborted; attempt++) {
      const found = await this.#resolved(thing, body.table);
      if (signal.aborted) break;
      if (found === "none") this.counters.withoutTable += 1;
      if (found !== "failed") return found === "none" ? undefined : found;
      await clock.sleep(1 + fullJitterMs(attempt, settings.backoff, random), signal);
    }
    return "stopping";
  }

  async #resolved(thing: string, id: string): Promise<RecordTable | "none" | "failed"> {
    try {
      return (await this.#tables.resolve(thing, id)) ?? "none";
    } catch (thrown) {
      this.#parts.log.debug("consumer.table-unavailable", { what: messageOf(thrown) });
      return "failed";
    }
  }

  async #refuse(arrival: Arrival, reason: string, detail: string): Promise<void> {
    this.counters.refuse(reason);
    this.#tell(arrival.topic, reason, detail);
    await this.#putAside({ ...arrival, reason, detail });
    arrival.acknowledge();
  }

  /** What the sink may yet take, if something else is mended, is given up only where it is kept. */
  async #refusedBySink({ delivery }: InHand, reason: string, detail: string): Promise<boolean> {
    const { thing, epoch, stream, seq, body } = delivery.record;
    const topic = body.kind === "foreign" ? body.topic : this.#parts.intake.topics.recordTopic(thing, stream);
    const userProperties = Object.entries({ epoch, stream, seq }).map(
      ([name, value]) => [name, String(value)] as const,
    );
    const isKept = await this.#putAside({ topic, userProperties, payload: delivery.payload, reason, detail });
    if (reason === "sink-failed" && !isKept) return false;
    this.counters.refuse(reason);
    this.#tell(topic, reason, detail);
    return true;
  }

  async #putAside(
    what: Omit<Arrival, "acknowledge"> & { readonly reason: string; readonly detail: string },
  ): Promise<boolean> {
    const { refused, clock, log } = this.#parts;
    if (refused === undefined) return false;
    const { topic, userProperties, payload, reason, detail } = what;
    const arrival = { topic, userProperties, payload, reason, detail, receivedUs: clock.wallUs() };
    const isKept = await refused.keep(arrival).catch((thrown: unknown) => {
      log.error("consumer.refused-folder-failed", { what: messageOf(thrown) });
      return false;
    });
    if (isKept) this.counters.putAside += 1;
    else this.counters.notPutAside += 1;
    return isKept;
  }

  #tell(topic: string, reason: string, detail: string): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs < this.#loggedMs + LOG_EVERY_MS) return;
    this.#loggedMs = nowMs;
    const facts = { topic, reason, detail: detail.slice(0, 200), refused: this.counters.refusals };
    this.#parts.log.warn("consumer.arrival-refused", facts);
  }
}

type InHandRecord = Pick<InHand, "acknowledgements" | "sinceMs">;

function keyOf({ thing, epoch, stream, seq }: DecodedRecord): string {
  return `${thing} ${epoch} ${stream} ${seq}`;
}
