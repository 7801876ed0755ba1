import { constants } from "node:fs";
import { access } from "node:fs/promises";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type { BusCounters, BusFacts, BusSink, CanBus, FrameFilter } from "../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG, FrameBatch } from "../../agent/ports/frame.ts";
import { BusStateTracker } from "./error-state.ts";
import { cannotTransmit } from "./faults.ts";
import { createFilter } from "./filter.ts";
import { fileSource, type LogSettings, playLog, type TimeStep, unreadable } from "./log-player.ts";

const BATCH_FRAMES = 1024;
/** Malformed lines, and steps of the log's clock, that are logged; all malformed lines are counted. */
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
  /** A longer gap in the log's times is not waited for; each is when undefined. */
  readonly skipGapsSeconds?: number | undefined;
  /** What to deliver; everything when empty. */
  readonly filters: readonly FrameFilter[];
};

/** Pacing and the log. */
export type ReplayBusParts = { readonly clock: Clock; readonly log: Log };

/**
 * A candump log as a bus. `receivedAtUs` is as `playLog` says: now with a speed, the log's own at speed 0. Malformed lines are
 * counted, logged and passed over. At the end of the log the state is "down".
 */
export function createReplayBus(settings: ReplayBusSettings, parts: ReplayBusParts): CanBus {
  return new ReplayBus(settings, parts);
}

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
  #filtered = 0;
  #received = 0;
  #errorFrames = 0;
  #malformed = 0;
  #timeSteps = 0;

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
      throw unreadable(file, cause);
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

  filtered(): number {
    return this.#filtered;
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
    const parts = {
      clock: this.#clock,
      onMalformed: (line: number, column: number, problem: string) => this.#noteMalformed(line, column, problem),
      onTimeStep: (step: TimeStep) => this.#noteTimeStep(step),
      beforeWait: () => this.#flush(playing),
    };
    let failure: string | undefined;
    try {
      for await (const frame of playLog(this.#playing(), parts, signal)) {
        this.#push(playing, frame);
        if (this.#batch.count === BATCH_FRAMES) await this.#flushAndYield(playing);
      }
    } catch (cause) {
      if (!(cause instanceof AgentError)) throw cause;
      failure = cause.message;
    }
    if (signal.aborted) return;
    this.#flush(playing);
    const end = this.#received + this.#errorFrames === 0 ? "end of log, no frame in it" : "end of log";
    state.link("down", failure ?? end);
    this.#log.info("bus.log-ended", { bus: this.name, received: this.#received, malformedLines: this.#malformed });
  }

  #playing(): LogSettings {
    const { file, speed, loop, interface: only, skipGapsSeconds = Number.POSITIVE_INFINITY } = this.#settings;
    const accepts = (bus: string, id: number, flags: number): boolean => {
      if (only !== undefined && bus !== only) return false;
      const isWanted = this.#accepts(id, flags);
      if (!isWanted) this.#filtered += 1;
      return isWanted;
    };
    return { source: fileSource(file), speed, loop, skipGapsUs: skipGapsSeconds * 1_000_000, accepts };
  }

  #noteTimeStep({ kind, line, seconds }: TimeStep): void {
    this.#timeSteps += 1;
    if (this.#timeSteps > LOGGED_LINES) return;
    this.#log.warn("bus.log-time-stepped", { bus: this.name, place: `${this.#settings.file}:${line}`, kind, seconds });
  }

  #noteMalformed(line: number, column: number, problem: string): void {
    this.#malformed += 1;
    if (this.#malformed > LOGGED_LINES) return;
    const place = `${this.#settings.file}:${line}:${column}`;
    this.#log.warn("bus.log-line-malformed", { bus: this.name, place, problem });
  }

  /** A batch goes out when the player has to wait for more of the file (a pipe, say), if not before. */
  #push(playing: Playing, frame: CanFrame): void {
    if ((frame.flags & FRAME_FLAG.error) !== 0) this.#batchErrors += 1;
    this.#batch.push(frame.id, frame.flags, frame.data, frame.receivedAtUs);
    if (this.#flushDue) return;
    this.#flushDue = true;
    setImmediate(() => {
      this.#flushDue = false;
      this.#flush(playing);
    });
  }

  /** A long log at full speed must leave the rest of the process its turns. */
  async #flushAndYield(playing: Playing): Promise<void> {
    this.#flush(playing);
    await new Promise((resolve) => setImmediate(resolve));
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
