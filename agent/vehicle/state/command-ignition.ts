import type { Clock } from "../../core/clock.ts";
import type { IgnitionSource } from "./ignition.ts";

/** What a command may say of the vehicle. */
export const COMMANDED_STATES = ["driving", "parked"] as const;
export type CommandedState = (typeof COMMANDED_STATES)[number];

/** A command that holds, and for how long still. */
export type HeldCommand = { readonly state: CommandedState; readonly leftMs: number };

/**
 * Ignition by what somebody in the vehicle has said, for a time; it knows nothing after that. It is in memory: after a restart nobody has
 * said anything.
 */
export class CommandIgnition implements IgnitionSource {
  readonly name = "command";
  readonly #clock: Pick<Clock, "boottimeMs">;
  #held: { readonly state: CommandedState; readonly untilMs: number } | undefined;
  #changed = (): void => undefined;

  constructor(clock: Pick<Clock, "boottimeMs">) {
    this.#clock = clock;
  }

  async start(changed: () => void): Promise<void> {
    this.#changed = changed;
  }

  /** From now on, for so long; another command takes its place. */
  set(state: CommandedState, forMs: number): void {
    this.#held = { state, untilMs: this.#clock.boottimeMs() + forMs };
    this.#changed();
  }

  /** Nobody says anything any more. */
  clear(): void {
    this.#held = undefined;
    this.#changed();
  }

  /** Undefined while there is none. */
  held(): HeldCommand | undefined {
    if (this.#held === undefined) return undefined;
    const { state, untilMs } = this.#held;
    const leftMs = untilMs - this.#clock.boottimeMs();
    return leftMs > 0 ? { state, leftMs } : undefined;
  }

  look(): ReturnType<IgnitionSource["look"]> {
    const held = this.held();
    if (held === undefined) return { kind: "unknown", why: "no command says so" };
    return { kind: held.state === "driving" ? "on" : "off", why: "command" };
  }
}
