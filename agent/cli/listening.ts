import { type AgentError, EXIT } from "../core/errors.ts";
import { type BusState, type CanBus, EVERY_FRAME } from "../ports/can-bus.ts";
import type { CanFrame, FrameBatch } from "../ports/frame.ts";
import { type CliContext, note } from "./context.ts";
import type { ListenedBus } from "./listened-buses.ts";
import { busDown, startBus } from "./open-bus.ts";

/** Without a frame for so long, a person at a terminal is told once, ms. */
const SILENT_MS = 5000;

/** Takes the wanted frames of a bus as they come; false ends the listening. */
export type FrameTaker = {
  /** `frame` is a copy of its own. False: no more frames are wanted. */
  take(bus: string, frame: CanFrame): boolean;
  /** Behind the last frame of those that came together. */
  flush?(): void;
};

/**
 * Buses that a verb listens to.
 *
 * Where all of them are down there is nothing to hear, and the verb ends; one of several is told. A bus that goes down is told, and listened to on;
 * one that is still down at the end makes the exit code 69.
 */
export class Listening {
  readonly #context: CliContext;
  readonly #taker: FrameTaker;
  readonly #end = new AbortController();
  readonly #stopped = new AbortController();
  readonly #buses: CanBus[] = [];
  readonly #down = new Map<string, AgentError>();
  readonly #finished = new Set<string>();
  #silence: Promise<void> | undefined;
  #heard = 0;
  #isOver = false;

  private constructor(context: CliContext, taker: FrameTaker) {
    this.#context = context;
    this.#taker = taker;
  }

  /** Resolves when all buses are open. Throws `bus.unavailable` when there is no way to one of them, or all are down; with `waits` they may come up later. */
  static async open(
    context: CliContext,
    listened: readonly ListenedBus[],
    taker: FrameTaker,
    { waits = false }: { readonly waits?: boolean } = {},
  ): Promise<Listening> {
    const listening = new Listening(context, taker);
    try {
      for (const one of listened) await listening.#add(one, listened.length);
      const [first] = listening.#down.values();
      if (first !== undefined && listening.#down.size === listened.length && !waits) throw first;
    } catch (error) {
      await listening.#close();
      throw error;
    }
    listening.#silence = listening.#tellSilence(listened.map(({ config }) => config.name));
    return listening;
  }

  /** Aborts when the taker wants no more, or the logs of replayed buses are over. */
  get ended(): AbortSignal {
    return this.#end.signal;
  }

  /** Frames that were lost on the way. */
  get lost(): number {
    return this.#buses.reduce((sum, bus) => sum + (bus.counters().dropped ?? 0), 0);
  }

  /** Closes the buses, and says which are down. */
  async stop(): Promise<void> {
    await this.#close();
    for (const fault of this.#down.values()) {
      note(this.#context, `${fault.message}\n  remedy: ${fault.remedy}`);
      this.#context.finish(EXIT.unavailable);
    }
  }

  async #add({ config, wants }: ListenedBus, all: number): Promise<void> {
    const onState = (state: BusState, detail: string): void => {
      if (config.driver === "replay") {
        if (state === "down") this.#finished.add(config.name);
        if (this.#finished.size === all) this.#end.abort();
      } else if (state === "down" || state === "absent") this.#down.set(config.name, busDown(config, detail));
      else this.#down.delete(config.name);
    };
    const onFrames = (batch: FrameBatch): void => {
      let taken = 0;
      for (let at = 0; at < batch.count && !this.#isOver; at += 1) {
        if (!wants(batch.id(at), batch.flags(at))) continue;
        taken += 1;
        if (!this.#taker.take(config.name, batch.frame(at))) this.#isOver = true;
      }
      this.#heard += taken;
      if (taken > 0) this.#taker.flush?.();
      if (this.#isOver) this.#end.abort();
    };
    const { bus, state, detail } = await startBus(this.#context, config, EVERY_FRAME, { onFrames, onState });
    if (state !== "up" && (all > 1 || config.driver === "replay"))
      note(this.#context, `${bus.name} is ${state}: ${detail}`);
    this.#buses.push(bus);
  }

  async #tellSilence(names: readonly string[]): Promise<void> {
    const { clock, terminal } = this.#context;
    if (!terminal.stderr.isTerminal) return;
    await clock.sleep(SILENT_MS, AbortSignal.any([this.#stopped.signal, this.#context.signal, this.#end.signal]));
    if (this.#heard > 0 || this.#stopped.signal.aborted || this.#context.signal.aborted) return;
    note(
      this.#context,
      `no frame on ${names.join(", ")} for ${SILENT_MS / 1000} s: is another node sending, and are bit rate and wiring right (causeway bus list)? Ctrl-C ends`,
    );
  }

  async #close(): Promise<void> {
    this.#stopped.abort();
    await this.#silence;
    await Promise.all(this.#buses.map((bus) => bus.stop()));
  }
}
