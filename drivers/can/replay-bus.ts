import { constants, createReadStream } from "node:fs";
import { access } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import { parseCandump } from "../../agent/data/candump.ts";
import { type CanFrame, FRAME_FLAG, FrameBatch } from "../../agent/data/frame.ts";
import type { BusCounters, BusFacts, BusSink, CanBus, FrameFilter } from "../../agent/ports.ts";
import { BusStateTracker } from "./error-state.ts";
import { cannotTransmit } from "./faults.ts";
import { createFilter } from "./filter.ts";

const BATCH_FRAMES = 1024;
/** Frames due within this time are delivered together: a wake-up costs more than a frame. */
const LEAST_SLEEP_MS = 5;
/** Malformed lines that are logged; all are counted. */
const LOGGED_LINES = 10;

/** What a replayed log is made of. */
export type ReplayBusSettings = {
  readonly name: string;
  /** candump log (`candump -l`, `candump -L`). */
  readonly file: string;
  /** 1 is real time, 2 twice as fast; 0 as fast as it is read. */
  readonly speed: number;
  readonly loop: boolean;
  /** Only frames of this interface in the log; all when undefined. */
  readonly interface?: string | undefined;
  /** What to deliver; everything when empty. */
  readonly filters: readonly FrameFilter[];
};

/** Pacing and the log. */
export type ReplayBusParts = { readonly clock: Clock; readonly log: Log };

/**
 * A candump log as a bus. Malformed lines are counted, logged and passed over.
 *
 * `receivedAtUs` with a speed: the wall time at which the frame is due, so the first frame of each round has the time of its
 * start and the distances are those of the log divided by the speed. At speed 0: the log's own times; from the second round of
 * a loop on, moved on by the length of the log a round. At the end of the log the state is "down".
 */
export function createReplayBus(settings: ReplayBusSettings, parts: ReplayBusParts): CanBus {
  return new ReplayBus(settings, parts);
}

/** First and last log time of one round, µs since the Unix epoch. */
type Round = { frames: number; firstUs: number; lastUs: number };

type Playing = { readonly sink: BusSink; readonly state: BusStateTracker; readonly signal: AbortSignal };

class ReplayBus implements CanBus {
  readonly name: string;
  readonly #settings: ReplayBusSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #accepts: (id: number, flags: number) => boolean;
  readonly #batch = new FrameBatch(BATCH_FRAMES);
  #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #flushDue = false;
  #batchErrors = 0;
  #received = 0;
  #errorFrames = 0;
  #malformed = 0;

  constructor(settings: ReplayBusSettings, parts: ReplayBusParts) {
    this.name = settings.name;
    this.#settings = settings;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#accepts = createFilter(settings.filters);
  }

  async start(sink: BusSink): Promise<void> {
    const { file } = this.#settings;
    try {
      await access(file, constants.R_OK);
    } catch (cause) {
      const what = `${this.name}: cannot read ${file}: ${messageOf(cause)}`;
      throw new AgentError("input.missing", { what, remedy: "correct the path of the candump log", cause });
    }
    this.#stopping = new AbortController();
    const state = new BusStateTracker((busState, detail) => sink.onState(busState, detail));
    state.link("up", `replaying ${file}`);
    this.#running = this.#run({ sink, state, signal: this.#stopping.signal });
  }

  facts(): BusFacts {
    return { driver: "replay", receiveBuffer: undefined, timestamps: "log" };
  }

  counters(): BusCounters {
    return { received: this.#received, dropped: 0, errorFrames: this.#errorFrames, transmitted: 0 };
  }

  async send(): Promise<void> {
    throw cannotTransmit(this.name, "a replayed log takes no frames");
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(playing: Playing): Promise<void> {
    const { state, signal } = playing;
    let shiftUs = 0;
    for (;;) {
      const round: Round = { frames: 0, firstUs: 0, lastUs: 0 };
      try {
        await this.#playOnce(playing, round, shiftUs);
      } catch (cause) {
        state.link("down", `${this.#settings.file}: ${messageOf(cause)}`);
        return;
      }
      if (signal.aborted) return;
      if (round.frames === 0) {
        state.link("down", `no frame to replay in ${this.#settings.file}`);
        return;
      }
      if (!this.#settings.loop) break;
      shiftUs += round.lastUs - round.firstUs;
    }
    state.link("down", "end of log");
    this.#log.info("bus.log-ended", { bus: this.name, received: this.#received, malformedLines: this.#malformed });
  }

  async #playOnce(playing: Playing, round: Round, shiftUs: number): Promise<void> {
    const { speed } = this.#settings;
    const startUs = this.#clock.wallUs();
    const startMs = this.#clock.monotonicMs();
    for await (const frame of this.#frames(playing.signal)) {
      if (round.frames === 0) round.firstUs = frame.receivedAtUs;
      round.frames += 1;
      round.lastUs = frame.receivedAtUs;
      const afterUs = speed === 0 ? 0 : (frame.receivedAtUs - round.firstUs) / speed;
      const aheadMs = startMs + afterUs / 1000 - this.#clock.monotonicMs();
      if (aheadMs > 0 || this.#batch.count === BATCH_FRAMES) {
        this.#flush(playing);
        await this.#clock.sleep(aheadMs > 0 ? Math.max(aheadMs, LEAST_SLEEP_MS) : 0, playing.signal);
      }
      if (playing.signal.aborted) return;
      this.#push(playing, frame, speed === 0 ? frame.receivedAtUs + shiftUs : startUs + afterUs);
    }
    this.#flush(playing);
  }

  /** The frames of the log that this bus delivers. */
  async *#frames(signal: AbortSignal): AsyncGenerator<CanFrame> {
    const { file, interface: interfaceName } = this.#settings;
    const input = createReadStream(file);
    const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY, signal });
    // An error of the stream would otherwise look like the end of the file, or wait for ever.
    let failure: Error | undefined;
    input.on("error", (error) => {
      failure = error;
      lines.close();
    });
    let lineNumber = 0;
    try {
      for await (const line of lines) {
        lineNumber += 1;
        const parsed = parseCandump(line);
        if (parsed.kind === "blank") continue;
        if (parsed.kind === "malformed") this.#noteMalformed(lineNumber, parsed.column, parsed.problem);
        else if (!parsed.timed) this.#noteMalformed(lineNumber, 1, "the line has no time");
        else if (interfaceName !== undefined && parsed.bus !== interfaceName) continue;
        else if (this.#accepts(parsed.frame.id, parsed.frame.flags)) yield parsed.frame;
      }
    } finally {
      lines.close();
      input.destroy();
    }
    if (failure !== undefined) throw failure;
  }

  #noteMalformed(line: number, column: number, problem: string): void {
    this.#malformed += 1;
    if (this.#malformed > LOGGED_LINES) return;
    const place = `${this.#settings.file}:${line}:${column}`;
    this.#log.warn("bus.log-line-malformed", { bus: this.name, place, problem });
  }

  /** A batch goes out when the reader has to wait for more of the file (a pipe, say), if not before. */
  #push(playing: Playing, frame: CanFrame, receivedAtUs: number): void {
    if ((frame.flags & FRAME_FLAG.error) !== 0) this.#batchErrors += 1;
    this.#batch.push(frame.id, frame.flags, frame.data, receivedAtUs);
    if (this.#flushDue) return;
    this.#flushDue = true;
    setImmediate(() => {
      this.#flushDue = false;
      this.#flush(playing);
    });
  }

  #flush({ sink, state, signal }: Playing): void {
    const batch = this.#batch;
    if (batch.count > 0 && !signal.aborted) {
      this.#received += batch.count - this.#batchErrors;
      this.#errorFrames += this.#batchErrors;
      sink.onFrames(batch);
      state.frames(batch, this.#batchErrors);
    }
    batch.count = 0;
    this.#batchErrors = 0;
  }
}
