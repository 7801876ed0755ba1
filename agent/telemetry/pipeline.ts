import type { Clock } from "../core/clock.ts";
import type { BusSink, BusState, CanBus } from "../ports/can-bus.ts";
import { FRAME_DATA_OFFSET, FRAME_FLAG, FRAME_STRIDE_BYTES, type FrameBatch } from "../ports/frame.ts";
import type { LatestValue } from "../signals/latest-signals.ts";
import type { MessageEntry } from "../signals/signal-entry.ts";
import type { BusMessages, SignalTable } from "../signals/signal-table.ts";
import type { MessageAssembly, WholeMessage } from "../signals/transport/message-assembly.ts";
import type { AssemblyCounters } from "../signals/transport/partial-messages.ts";
import type { AppendCounters, Appender, StoreState } from "./appender.ts";
import { BatchLooks } from "./batch-looks.ts";
import type { CampaignSet } from "./campaigns/run/campaign-set.ts";
import type { Collector } from "./collect/collector.ts";
import type { CloseCause } from "./collect/sampler.ts";
import type { FrameCapture } from "./frame-capture.ts";
import type { ContinuousLog } from "./frame-log/continuous-log.ts";
import type { FrameHistory } from "./history/frame-history.ts";
import { countOf } from "./record/encode/bus-count.ts";
import type { Encoder } from "./record/encode/encoder.ts";
import { isSame } from "./stamp-clock.ts";
import { TableAnnouncement } from "./table-announcement.ts";

export type PipelineParts = {
  readonly table: SignalTable;
  readonly collector: Collector;
  readonly campaigns: CampaignSet;
  readonly encoder: Pick<Encoder, "busEvent" | "table" | "maxBodyBytes" | "stamps">;
  readonly appender: Pick<Appender, "add" | "store" | "storeSoon" | "abandon" | "counters" | "state">;
  readonly clock: Clock;
  /** Get every batch while they are on. */
  readonly takers: FrameTakers;
  /** Longest time a sample waits before it is stored. */
  readonly batchMs: number;
};

/** Who keeps frames as they come; each absent where nothing is kept. */
export type FrameTakers = {
  readonly capture?: Pick<FrameCapture, "isOn" | "take" | "flush" | "stop"> | undefined;
  readonly history?: Pick<FrameHistory, "isOn" | "push" | "noteStep"> | undefined;
  readonly frameLog?: Pick<ContinuousLog, "take"> | undefined;
};

/** What became of the frames of one bus since start. Their sum is what the driver handed over. */
export type FrameCounters = {
  readonly decoded: number;
  /** Data frames whose arbitration id no DBC file of this bus names. */
  readonly unknown: number;
  /** Data frames of messages of which nobody wants a signal; somebody else takes them as they are, or they came with a change of filters. */
  readonly unwanted: number;
  /** Frames of messages that come in several; what became of these is `assembly`. */
  readonly parts: number;
  readonly remote: number;
  readonly error: number;
  /** Undefined on a bus whose DBC files have no message that comes in several frames. */
  readonly assembly: AssemblyCounters | undefined;
  /** Monotonic ms of the last batch with a frame that is no error frame; undefined before the first. */
  readonly lastFrameMs: number | undefined;
};

/** Counts since start. */
export type PipelineCounters = AppendCounters & { readonly buses: ReadonlyMap<string, FrameCounters> };

/** How the pipeline is doing, for the watchdog and the status. */
export type PipelineHealth = {
  /** Monotonic ms of the last flush, also of one that the outbox refused; undefined before the first. */
  readonly lastFlushMs: number | undefined;
  /** Flushes since start, as `lastFlushMs` counts them. */
  readonly flushes: number;
  readonly store: StoreState;
};

/** A bus as far as its frames are counted. */
type CountedBus = Pick<CanBus, "name" | "counters">;

type BusIntake = {
  readonly bus: CountedBus;
  /** Place among the buses of the configuration. */
  readonly number: number;
  readonly messages: BusMessages;
  readonly assembly: MessageAssembly | undefined;
  decoded: number;
  unknown: number;
  unwanted: number;
  parts: number;
  remote: number;
  error: number;
  lastFrameMs: number | undefined;
  /** The clock that stamped its frames (see `StampClock`). */
  distanceUs: number;
};

/**
 * The straight line from frame to stored record: find the message, decode it, let the campaigns collect its samples, encode a batch of
 * them, append the records to the outbox. All of it runs in the caller's call; nothing waits.
 *
 * A refusing outbox is borne (see `Appender`); any other error is a bug and comes out of the callback or the timer.
 */
export class Pipeline {
  readonly #parts: PipelineParts;
  readonly #announcement: TableAnnouncement;
  readonly #lines = new Map<string, BusIntake>();
  readonly #leave: () => void;
  readonly #looks: BatchLooks;
  #stopTimer: (() => void) | undefined;
  #isStopped = false;
  #isClockSet = false;
  /** Whether what waits is not to wait for its batch. */
  #isPrompt = false;
  /** Whether a batch has ended since the last look. */
  #hasEnded = false;
  #lastFlushMs: number | undefined;
  #flushes = 0;

  constructor(parts: PipelineParts) {
    this.#parts = parts;
    this.#looks = new BatchLooks(parts.batchMs);
    this.#announcement = new TableAnnouncement(parts.encoder, parts.appender);
    this.#leave = parts.encoder.stamps.join({
      beforeStep: () => this.#beforeStep(),
      afterStep: (byUs) => this.#afterStep(byUs),
    });
  }

  /** Where the driver of `bus` delivers its frames and states. Ask once a bus, in the order of the configuration. */
  sinkFor(bus: CountedBus): BusSink {
    const messages = this.#parts.table.bus(bus.name);
    const number = this.#lines.size;
    const line: BusIntake = {
      bus,
      number,
      messages,
      assembly: messages.assembly(),
      decoded: 0,
      unknown: 0,
      unwanted: 0,
      parts: 0,
      remote: 0,
      error: 0,
      lastFrameMs: undefined,
      distanceUs: this.#parts.encoder.stamps.readDistanceUs(),
    };
    this.#lines.set(bus.name, line);
    return {
      onFrames: (batch) => this.#takeFrames(line, batch),
      onState: (state, detail) => this.#noteState(line, state, detail),
    };
  }

  /** Announces the signal table and begins to look at what has come, and to flush every `batchMs` at least. */
  start(): void {
    const { clock } = this.#parts;
    this.#announcement.announce();
    this.#parts.campaigns.announce();
    this.flush();
    this.#stopTimer = clock.every(this.#looks.lookMs, () => this.#look());
  }

  /** Stores the samples collected so far, and everything else that waits. */
  flush(): void {
    this.#followClock();
    this.#flush("tick");
  }

  /** Stores everything, also the last values of windows that are still open, which end with it; collecting goes on. */
  closeWindows(): void {
    this.#parts.campaigns.closeWindows();
    this.#flush("tick");
  }

  /**
   * Stores everything, also the last values of windows that are still open. What the outbox refuses is given up and
   * counted. Call after the buses have stopped; idempotent.
   */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#stopTimer?.();
    this.#leave();
    this.#parts.takers.capture?.stop();
    this.#flush("stop");
    this.#parts.appender.abandon();
  }

  counters(): PipelineCounters {
    const counters = this.#parts.appender.counters();
    const buses = [...this.#lines].map(([name, line]) => {
      const { decoded, unknown, unwanted, parts, remote, error, lastFrameMs } = line;
      const assembly = line.assembly?.counters();
      return [name, { decoded, unknown, unwanted, parts, remote, error, assembly, lastFrameMs }] as const;
    });
    const inCampaigns = this.#parts.campaigns.list().reduce((sum, { figures }) => sum + figures.discardedSamples, 0);
    const discardedSamples = counters.discardedSamples + this.#parts.collector.discardedSamples + inCampaigns;
    return { ...counters, discardedSamples, buses: new Map(buses) };
  }

  health(): PipelineHealth {
    return { lastFlushMs: this.#lastFlushMs, flushes: this.#flushes, store: this.#parts.appender.state() };
  }

  /**
   * Takes a PDU as `message`, of the carriage "pdus", as a frame is taken: its signals are decoded and collected. Not from a sink of this
   * pipeline, whose batch is still in the buffers of the table.
   */
  takePdu(message: MessageEntry, bytes: Uint8Array, receivedAtUs: number): void {
    const { stamps } = this.#parts.encoder;
    const distanceUs = stamps.readDistanceUs();
    if (!stamps.is(distanceUs)) stamps.use(distanceUs);
    this.#takeWhole(message, bytes, 0, bytes.length, receivedAtUs, message.firstSignal);
    if (this.#parts.campaigns.isPrompt) this.#flushSoon();
  }

  /** The newest value of every signal seen so far, collected or not. */
  latest(): LatestValue[] {
    return this.#parts.collector.latest.list();
  }

  /** Nobody is told any more what the newest values of these messages were. */
  forgetLatest(messages: readonly MessageEntry[]): void {
    for (const message of messages) this.#parts.collector.latest.forget(message);
  }

  #takeFrames(line: BusIntake, batch: FrameBatch): void {
    const { takers, clock, encoder } = this.#parts;
    const { stamps } = encoder;
    const errorsBefore = line.error;
    takers.frameLog?.take(line.bus.name, batch);
    const distanceUs = batch.clockOffsetUs ?? stamps.readDistanceUs();
    if (isSame(distanceUs, line.distanceUs) && stamps.is(distanceUs)) this.#takeSome(line, batch, 0, batch.count);
    else this.#takeAcrossStep(line, batch, distanceUs);
    line.distanceUs = distanceUs;
    if (this.#parts.campaigns.isPrompt) this.#flushSoon();
    if (line.error - errorsBefore < batch.count) line.lastFrameMs = clock.monotonicMs();
  }

  /** The clock was set: what was stamped before is stored by itself. */
  #takeAcrossStep(line: BusIntake, batch: FrameBatch, distanceUs: number): void {
    const { stamps } = this.#parts.encoder;
    const { distanceUs: beforeUs } = line;
    let from = 0;
    if (!isSame(beforeUs, distanceUs)) {
      while (from < batch.count && !stamps.isAfterStep(batch.receivedAtUs(from), beforeUs, distanceUs)) from += 1;
    }
    if (from > 0) {
      stamps.use(beforeUs);
      this.#takeSome(line, batch, 0, from);
    }
    stamps.use(distanceUs);
    this.#takeSome(line, batch, from, batch.count);
  }

  /** Where no frame comes the clock is followed at the second look: those that wait in a driver may be by the one of before. */
  #followClock(): void {
    const { stamps } = this.#parts.encoder;
    const distanceUs = stamps.readDistanceUs();
    const isSet = !stamps.is(distanceUs);
    if (!isSet || this.#isClockSet) stamps.use(distanceUs);
    this.#isClockSet = isSet && !this.#isClockSet;
  }

  #beforeStep(): void {
    this.#parts.takers.capture?.flush();
    this.#flush("step");
  }

  /** Before frames of the new time come. */
  #afterStep(byUs: number): void {
    const { campaigns, collector, takers } = this.#parts;
    takers.history?.noteStep();
    collector.latest.clockSet(byUs);
    campaigns.noteClockStep();
  }

  /** The frame path: no promise, no closure, no object a frame. */
  #takeSome(line: BusIntake, batch: FrameBatch, from: number, to: number): void {
    const { table, collector, takers } = this.#parts;
    const { values, wides, present, slots, wantedMessages } = table;
    const { capture, history } = takers;
    if (capture?.isOn === true) capture.take(line.bus.name, batch, from, to);
    const keeper = history?.isOn === true ? history : undefined;
    for (let at = from; at < to; at++) {
      const flags = batch.flags(at);
      keeper?.push(line.number, batch, at);
      if ((flags & (FRAME_FLAG.error | FRAME_FLAG.remote)) !== 0) {
        if ((flags & FRAME_FLAG.error) !== 0) line.error += 1;
        else line.remote += 1;
        continue;
      }
      const message = line.messages.find(batch.id(at), (flags & FRAME_FLAG.extended) !== 0);
      if (message === undefined) {
        if (line.assembly === undefined || (flags & FRAME_FLAG.extended) === 0) line.unknown += 1;
        else this.#takeOther(line, line.assembly, batch, at);
        continue;
      }
      if (wantedMessages[message.index] === 0) {
        line.unwanted += 1;
        continue;
      }
      const length = batch.length(at);
      message.decode(batch.bytes, at * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET, length, values, wides, present);
      line.decoded += 1;
      const allPresent = !message.multiplexed && length >= message.neededBytes;
      const firstSlot = message.pgn === undefined ? message.firstSignal : slots.firstSlotOf(message, batch.id(at));
      collector.take(message, allPresent, batch.receivedAtUs(at), firstSlot);
      if (collector.pass.isFull) this.#flush("tick");
    }
  }

  /** A frame with a 29-bit id that no message is: it may carry a part of one. */
  #takeOther(line: BusIntake, assembly: MessageAssembly, batch: FrameBatch, at: number): void {
    const dataAt = at * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET;
    const id = batch.id(at);
    const timeUs = batch.receivedAtUs(at);
    const length = batch.length(at);
    const step = assembly.take(id, batch.bytes, dataAt, length, timeUs);
    const carrier = assembly.carrier(id);
    if (step !== undefined) line.parts += 1;
    else if (carrier === undefined) line.unknown += 1;
    else if (this.#parts.table.wantedMessages[carrier.index] === 0) line.unwanted += 1;
    else line.decoded += 1;
    if (carrier !== undefined) {
      this.#takeWhole(carrier, batch.bytes, dataAt, length, timeUs, this.#slotOf(carrier, id));
    }
    if (step !== undefined && step !== "part") this.#takeAssembled(step);
  }

  #takeAssembled({ message, whole }: WholeMessage): void {
    const { bytes, receivedAtUs, id } = whole;
    this.#takeWhole(message, bytes, 0, bytes.length, receivedAtUs, this.#slotOf(message, id));
  }

  #slotOf(message: MessageEntry, id: number): number {
    return message.pgn === undefined ? message.firstSignal : this.#parts.table.slots.firstSlotOf(message, id);
  }

  #takeWhole(
    message: MessageEntry,
    bytes: Uint8Array,
    at: number,
    length: number,
    receivedAtUs: number,
    firstSlot: number,
  ): void {
    const { table, collector } = this.#parts;
    if (table.wantedMessages[message.index] === 0) return;
    message.decode(bytes, at, length, table.values, table.wides, table.present);
    const allPresent = !message.multiplexed && length >= message.neededBytes;
    collector.take(message, allPresent, receivedAtUs, firstSlot);
    if (collector.pass.isFull) this.#flush("tick");
  }

  #noteState(line: BusIntake, state: BusState, detail: string): void {
    const { encoder, appender, clock } = this.#parts;
    appender.add(encoder.busEvent({ count: countOf(line.bus), state, detail, timeUs: clock.wallUs() }));
    // Before the start the signal table comes first.
    if (this.#stopTimer !== undefined) this.#flushSoon();
  }

  #look(): void {
    const { campaigns } = this.#parts;
    this.#followClock();
    if (this.#looks.look() || campaigns.look((samples) => this.#looks.isEnough(samples))) this.#flush("tick");
    else if (this.#hasEnded) this.#noteFlush();
  }

  /** What does not wait takes along what would. */
  #flushSoon(): void {
    this.#isPrompt = true;
    this.#parts.appender.storeSoon(this.#joinCommit);
  }

  readonly #joinCommit = (): void => {
    if (this.#isPrompt) this.#handOver("tick");
  };

  #flush(cause: CloseCause): void {
    this.#handOver(cause);
    this.#parts.appender.store();
    this.#noteFlush();
  }

  /** Ends the batch. */
  #handOver(cause: CloseCause): void {
    this.#announcement.announceShorter();
    this.#parts.campaigns.flush(cause);
    this.#looks.begin();
    this.#isPrompt = false;
    this.#hasEnded = true;
  }

  /** A batch that an event has ended counts at the next look: it does not show that the timer goes on. */
  #noteFlush(): void {
    this.#hasEnded = false;
    this.#lastFlushMs = this.#parts.clock.monotonicMs();
    this.#flushes += 1;
  }
}
