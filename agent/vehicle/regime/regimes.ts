import type { PowerRegimesConfig, RegimeConfig } from "../../../config/power-regimes.ts";
import type { VehicleState, VehicleStates } from "../state/vehicle-state.ts";

/** What holds in the state that the vehicle is in. */
export class Regimes {
  readonly #settings: PowerRegimesConfig;
  readonly #states: Pick<VehicleStates, "now">;

  constructor(settings: PowerRegimesConfig, states: Pick<VehicleStates, "now">) {
    this.#settings = settings;
    this.#states = states;
  }

  state(): VehicleState {
    return this.#states.now().state;
  }

  now(): RegimeConfig {
    return this.#settings[this.state()];
  }

  /** Whether the campaign of this id pauses; `isDefault`: it is what the rules of collection ask for. */
  isPaused(id: string, isDefault: boolean): boolean {
    const { collect, campaigns } = this.now();
    if (isDefault) return collect === "off";
    return typeof campaigns === "string" ? campaigns === "off" : !campaigns.includes(id);
  }

  /** What is otherwise in this state than without power.states, for people. */
  held(): readonly string[] {
    const { collect, campaigns, publish, keepAliveSeconds, updates, diagnostics } = this.now();
    const rest = publish?.everySeconds === undefined ? "" : `, the rest every ${publish.everySeconds} s`;
    return [
      ...(collect === "off" ? ["nothing is collected by collect.rules"] : []),
      ...(campaigns === "off" ? ["no campaigns"] : []),
      ...(typeof campaigns === "string" ? [] : [`campaigns ${campaigns.join(", ") || "none"} alone`]),
      ...(publish === undefined ? [] : [`published: ${publish.only.join(", ") || "nothing"}${rest}`]),
      ...(keepAliveSeconds === undefined ? [] : [`keep-alive ${keepAliveSeconds} s`]),
      ...(updates === "on" ? [] : ["no update is installed"]),
      ...(diagnostics === "on" ? [] : ["nothing is asked of control units"]),
    ];
  }

  /** Why the section `what` does nothing now, for people; undefined where it does. */
  refusal(what: "updates" | "diagnostics"): string | undefined {
    if (this.now()[what] === "on") return undefined;
    const state = this.state();
    return `the vehicle is ${state}: power.states.${state}.${what} is ${this.now()[what]}`;
  }
}
