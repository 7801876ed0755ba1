import type { SnapshotConfig } from "../../config/snapshot.ts";
import { announceAsleep, type PresenceParts, runPresence } from "../cloud/presence.ts";
import type { StateTemplates } from "../commands/state-templates.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import type { Broker } from "../ports/broker.ts";
import type { BusSink, BusState, CanBus } from "../ports/can-bus.ts";
import type { Notifier } from "../ports/notifier.ts";
import type { BusLoad } from "../telemetry/bus-load.ts";
import type { Snapshots } from "../telemetry/campaigns/snapshots/snapshots.ts";
import type { Pipeline } from "../telemetry/pipeline.ts";
import type { Publisher } from "../telemetry/publish/publisher.ts";
import type { ClockSteps } from "../vehicle/time/clock-steps.ts";
import { type ClockWatchParts, watchClock } from "../vehicle/time/clock-watch.ts";

/** How long the goodbye to the broker may take. */
const ASLEEP_MS = 500;
/** How often `systemctl status` gets a new line. */
const STATUS_INTERVAL_MS = 10_000;
/** How long after its begin a start is over, with all that it sends. */
const START_USED_MS = 30_000;
/** How often memory that nobody uses is given back. */
const UNUSED_MS = 3_600_000;
/** How late the end of a state template may be. */
const STATE_INTERVAL_MS = 1000;

/** A bus and what it said of itself last. */
export type ObservedBus = {
  readonly bus: CanBus;
  /** How busy it is; absent where its bit rate is not known. */
  readonly load?: BusLoad | undefined;
  /** Whether it has ever held back frames that the DBC files name, as nobody wanted them; absent where that cannot be. */
  readonly hasNarrowed?: () => boolean;
  state: BusState;
  detail: string;
  /** How often each state has begun; absent before the first. */
  changes?: Readonly<Partial<Record<BusState, number>>>;
};

/** A local socket. Served first, so that a start that fails later can still be looked at. */
export function socketService(name: string, serve: () => Promise<{ stop(): Promise<void> }>): Service {
  let socket: { stop(): Promise<void> } | undefined;
  return {
    name,
    start: async () => {
      socket = await serve();
    },
    stop: async () => socket?.stop(),
  };
}

/**
 * Takes the connection into use, after all that has to do with it: whoever listens has subscribed by then, and what waited in the session finds him; nobody's
 * start waits for an answer of the broker.
 */
export function deliveryService(broker: Pick<Broker, "start">): Service {
  return { name: "delivery", start: async () => broker.start(), stop: async () => undefined };
}

/** The broker session and the announcement of it, see `deliveryService`: says "asleep" before it disconnects in order. */
export function linkService(broker: Broker, presence: PresenceParts): Service {
  const stopping = new AbortController();
  let announcing: Promise<void> = Promise.resolve();
  return {
    name: "link",
    start: async () => {
      await broker.connectAhead();
      announcing = runPresence(presence, stopping.signal);
    },
    stop: async () => {
      stopping.abort();
      await announcing;
      await announceAsleep(presence, { reason: "stopped", nextCheckInAtUs: undefined }, ASLEEP_MS);
      await broker.stop();
    },
  };
}

/** A loop that ends when it is told to. A bug in it ends the process. */
export function loopService(
  name: string,
  loop: { run(signal: AbortSignal): Promise<void> },
): Service & { readonly broken: Promise<never> } {
  const stopping = new AbortController();
  const broken = Promise.withResolvers<never>();
  let running: Promise<void> = Promise.resolve();
  return {
    name,
    start: async () => {
      running = loop.run(stopping.signal).catch((error: unknown) => broken.reject(error));
    },
    stop: async () => {
      stopping.abort();
      await running;
    },
    broken: broken.promise,
  };
}

/** What drains the outbox. When stopped, it goes on for at most `drainMs` while there is a link and something to send. */
export type PublisherServiceParts = {
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly drainMs: number;
};

/** The publisher's loop. A bug in it ends the process. */
export function publisherService({ publisher, clock, drainMs }: PublisherServiceParts): Service {
  const stopping = new AbortController();
  const broken = Promise.withResolvers<never>();
  let loop: Promise<void> = Promise.resolve();
  return {
    name: "publisher",
    start: async () => {
      loop = publisher.run(stopping.signal).catch((error: unknown) => broken.reject(error));
    },
    stop: async () => {
      const late = new AbortController();
      const deadline = clock.sleep(drainMs, late.signal);
      await Promise.race([publisher.drained(late.signal), deadline]);
      late.abort();
      stopping.abort();
      await loop;
    },
    broken: broken.promise,
  };
}

/** Collecting and storing. Stops after the buses, with a last flush. */
export function pipelineService(pipeline: Pipeline): Service {
  return {
    name: "pipeline",
    start: async () => pipeline.start(),
    stop: async () => pipeline.stop(),
  };
}

/** One bus. One that cannot be opened is reported and left: the other buses, the backlog and the link go on. */
export function busService(line: ObservedBus, sink: BusSink, log: Log): Service {
  const { bus } = line;
  const note = (state: BusState, detail: string): void => {
    line.state = state;
    line.detail = detail;
    line.changes = { ...line.changes, [state]: (line.changes?.[state] ?? 0) + 1 };
    if (state === "up") log.info("bus.state-changed", { bus: bus.name, state, detail });
    else log.warn("bus.state-changed", { bus: bus.name, state, detail });
    sink.onState(state, detail);
  };
  return {
    name: `bus ${bus.name}`,
    start: async () => {
      try {
        await bus.start({ onFrames: (batch) => sink.onFrames(batch), onState: note });
      } catch (error) {
        if (!(error instanceof AgentError)) throw error;
        log.error("bus.failed", { bus: bus.name, code: error.code, what: error.message, remedy: error.remedy });
        note("absent", error.message);
      }
    },
    stop: () => bus.stop(),
  };
}

/** Ends state templates whose time is over, and writes down what is left of the others. */
export function stateService(states: Pick<StateTemplates, "tick" | "keep">, clock: Clock): Service {
  const stops: (() => void)[] = [];
  return {
    name: "state templates",
    start: async () => void stops.push(clock.every(STATE_INTERVAL_MS, () => states.tick())),
    stop: async () => {
      for (const stop of stops.splice(0)) {
        stop();
        states.keep();
      }
    },
  };
}

/** Snapshots of all last known values. Stops after the buses and before the pipeline, which stores the last one. */
export function snapshotService(
  snapshots: Pick<Snapshots, "run" | "beforeSleep">,
  on: SnapshotConfig["on"],
  broker: Pick<Broker, "online" | "status">,
): Service & { readonly broken: Promise<never> } {
  const loop = loopService("snapshots", {
    run: async (signal) => (on.includes("reconnect") ? await snapshots.run(broker, signal) : undefined),
  });
  let isRunning = false;
  return {
    name: loop.name,
    start: async () => {
      isRunning = true;
      await loop.start();
    },
    stop: async () => {
      await loop.stop();
      if (isRunning && on.includes("sleep")) snapshots.beforeSleep();
      isRunning = false;
    },
    broken: loop.broken,
  };
}

export type ClockServiceParts = ClockWatchParts & { readonly steps: Pick<ClockSteps, "watch" | "onLook"> };

/** Looks after the wall time: a link that failed for the time it was is tried again when the time is set, and gates know of its steps. */
export function clockService(parts: ClockServiceParts): Service {
  const stops: (() => void)[] = [];
  return {
    name: "clock",
    start: async () => void stops.push(watchClock(parts), parts.steps.watch()),
    stop: async () => stops.splice(0).forEach((stop) => stop()),
  };
}

/** Gives back memory that only the start needed, and each hour what nobody used since. `release` gives the bytes, undefined where it cannot. */
export function memoryService(release: () => number | undefined, clock: Clock, log: Log): Service {
  const timers: (() => void)[] = [];
  const look = (): void => log.debug("memory.released", { bytes: release() });
  return {
    name: "memory",
    start: async () => {
      const first = clock.every(START_USED_MS, () => {
        first();
        look();
      });
      timers.push(first, clock.every(UNUSED_MS, look));
    },
    stop: async () => timers.splice(0).forEach((stop) => stop()),
  };
}

/** What is told to systemd. `unhealthy` gives the reason why the data path is stuck, or undefined. */
export type WatchParts = {
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly log: Log;
  readonly unhealthy: () => string | undefined;
  readonly summary: () => string;
};

/** Tells systemd how the service is, and that it is alive only as long as the data path really moves. */
export function watchService({ notifier, clock, log, unhealthy, summary }: WatchParts): Service {
  const timers: (() => void)[] = [];
  let told = "";
  const tell = (): void => {
    const line = summary();
    if (line !== told) notifier.status(line);
    told = line;
  };
  const watch = (): void => {
    const reason = unhealthy();
    if (reason === undefined) notifier.watchdog();
    else log.error("watchdog.withheld", { reason });
  };
  return {
    name: "watch",
    start: async () => {
      if (notifier.watchdogIntervalMs !== undefined) timers.push(clock.every(notifier.watchdogIntervalMs, watch));
      if (notifier.isHeard) timers.push(clock.every(STATUS_INTERVAL_MS, tell));
    },
    stop: async () => timers.splice(0).forEach((stop) => stop()),
  };
}
