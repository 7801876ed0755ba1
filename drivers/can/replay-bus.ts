import { constants } from "node:fs";
import { access } from "node:fs/promises";
import type { Clock } from "../../agent/core/clock.ts";
import { AgentError } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import { formatCounted } from "../../agent/core/quantity.ts";
import type { BusCounters, BusFacts, BusSink, CanBus, FrameFilter } from "../../agent/ports/can-bus.ts";
import { Delivery } from "./delivery.ts";
import { cannotTransmit } from "./faults.ts";
import { ReceiveFilter } from "./filter.ts";
import { FrameCollector } from "./frame-collector.ts";
import { fileSource, type LogSettings, playLog, type TimeStep, unreadable } from "./log-player.ts";

const BATCH_FRAMES = 1024;
/** A wake-up costs more than a frame. */
const LEAST_WAIT_MS = 5;
/** Malformed lines, and steps of the log's clock, that are logged; all malformed lines are counted. */
const LOGGED_LINES = 10;

/** Which log, how fast, and what of it. */
export type ReplayBusSettings = {
  readonly name: string;
  /** A log of candump, ASC, BLF or TRC. */
  readonly file: string;
  /** 1 is real time, 2 twice as fast; 0 as fast as it is read. */
  readonly speed: number;
  readonly loop: boolean;
  /** Only frames of this interface in the log; all when undefined. */
  readonly interface?: string | undefined;
  /** A longer gap in the log's times is not waited for; each is when undefined. */
  readonly skipGapsSeconds?: number | undefined;
  /** What to deliver at first. */
  readonly filters: readonly FrameFilter[];
};

/** Pacing and the log. */
export type ReplayBusParts = { readonly clock: Clock; readonly log: Log };

/**
 * A log as a bus. `receivedAtUs` is as `playLog` says: now with a speed, the log's own at speed 0. Malformed lines are
 * counted, logged and passed over. At the end of the log the state is "down".
 */
export function createReplayBus(settings: ReplayBusSettings, parts: ReplayBusParts): CanBus {
  return new ReplayBus(settings, parts);
}

class ReplayBus implements CanBus {
  readonly name: string;
  readonly #settings: ReplayBusSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #filter: ReceiveFilter;
  readonly #delivery = new Delivery();
  readonly #frames = new FrameCollector(BATCH_FRAMES, (batch, errorFrames) =>
    this.#delivery.frames(batch, errorFrames),
  );
  #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #malformed = 0;
  #timeSteps = 0;

  constructor(settings: ReplayBusSettings, parts: ReplayBusParts) {
    this.name = settings.name;
    this.#settings = settings;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#filter = new ReceiveFilter(settings.filters);
  }

  async start(sink: BusSink): Promise<void> {
    const { file } = this.#settings;
    try {
      await access(file, constants.R_OK);
    } catch (cause) {
      throw unreadable(file, cause);
    }
    this.#stopping = new AbortController();
    const firstState = this.#delivery.open(sink);
    this.#delivery.link("up", `replaying ${file}`);
    this.#running = this.#run(this.#stopping.signal);
    await firstState;
  }

  receive(filters: readonly FrameFilter[]): void {
    this.#filter.use(filters);
  }

  facts(): BusFacts {
    return { driver: "replay", receiveBuffer: undefined, timestamps: "log" };
  }

  counters(): BusCounters {
    return this.#delivery.counters(0, 0);
  }

  filtered(): number {
    return this.#filter.heldBack;
  }

  traffic(): undefined {
    return undefined;
  }

  async send(): Promise<void> {
    throw cannotTransmit(this.name, "a replayed log takes no frames");
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#delivery.close();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    const parts = {
      clock: this.#clock,
      onMalformed: (place: string, problem: string) => this.#noteMalformed(place, problem),
      onTimeStep: (step: TimeStep) => this.#noteTimeStep(step),
      beforeWait: () => this.#frames.flush(),
    };
    let failure: string | undefined;
    try {
      for await (const frame of playLog(this.#playing(), parts, signal)) {
        // A long log at full speed must leave the rest of the process its turns.
        if (this.#frames.push(frame.id, frame.flags, frame.data, frame.receivedAtUs)) await nextTurn();
      }
    } catch (cause) {
      if (!(cause instanceof AgentError)) throw cause;
      failure = cause.message;
    }
    if (signal.aborted) return;
    this.#frames.flush();
    const { received } = this.counters();
    this.#delivery.link("down", failure ?? this.#end());
    this.#log.info("bus.log-ended", { bus: this.name, received, malformedLines: this.#malformed });
  }

  /** A log whose frames nobody wants is another matter than one without frames: then the DBC files are of another vehicle. */
  #end(): string {
    const { received, errorFrames } = this.counters();
    if (received + errorFrames > 0) return "end of log";
    const unwanted = this.#filter.heldBack;
    if (unwanted === 0) return "end of log, no frame in it";
    return `end of log, none of its ${formatCounted(unwanted, "frame")} is wanted by a DBC file, rule or campaign`;
  }

  #playing(): LogSettings {
    const { file, speed, loop, interface: only, skipGapsSeconds = Number.POSITIVE_INFINITY } = this.#settings;
    const accepts = (bus: string, id: number, flags: number): boolean =>
      (only === undefined || bus === only) && this.#filter.accepts(id, flags);
    return {
      source: fileSource(file),
      speed,
      rounds: loop ? Number.POSITIVE_INFINITY : 1,
      leastWaitMs: LEAST_WAIT_MS,
      skipGapsUs: skipGapsSeconds * 1_000_000,
      accepts,
    };
  }

  #noteTimeStep({ kind, place, seconds }: TimeStep): void {
    this.#timeSteps += 1;
    if (this.#timeSteps > LOGGED_LINES) return;
    this.#log.warn("bus.log-time-stepped", { bus: this.name, place, kind, seconds });
  }

  #noteMalformed(place: string, problem: string): void {
    this.#malformed += 1;
    if (this.#malformed > LOGGED_LINES) return;
    this.#log.warn("bus.log-line-malformed", { bus: this.name, place, problem });
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
