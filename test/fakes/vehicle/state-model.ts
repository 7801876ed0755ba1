import type { IgnitionReading } from "../../../agent/vehicle/state/ignition.ts";
import type { VehicleState } from "../../../agent/vehicle/state/vehicle-state.ts";

/** Times of the model, ms. */
export const MODEL_TIMES = { onMs: 500, offMs: 1500, silentMs: 3000, asleepAfterMs: 6000 } as const;

type Look = { readonly atMs: number; readonly kind: IgnitionReading["kind"] };

/**
 * States and trips by the rules in words: slow, and by looking back at all that was read since the process began. Events are told as
 * "before > state" and "begin N", "end N", "end N interrupted".
 */
export class StateModel {
  readonly events: string[] = [];
  state: VehicleState = "parked";
  trip: number | undefined;
  #trips = 0;
  #enteredMs: number;
  #looks: Look[] = [];
  /** Looks up to here do not count for the next change. */
  #from = 0;
  #isOn = false;
  #hasSeen = false;

  constructor(startMs: number) {
    this.#enteredMs = startMs;
  }

  look(atMs: number, kind: Look["kind"]): void {
    this.#looks.push({ atMs, kind });
    const isOn = this.#levelNow();
    if (isOn !== this.#isOn) this.#from = this.#looks.length;
    this.#isOn = isOn;
    if (isOn !== (this.state === "driving")) this.#enter(isOn ? "driving" : "parked", atMs);
    else if (isOn) this.#hasSeen ||= kind === "on";
    else if (this.state === "parked" && atMs - this.#enteredMs >= MODEL_TIMES.asleepAfterMs) {
      this.#enter("asleep-soon", atMs);
    }
  }

  restart(): void {
    this.#looks = [];
    this.#from = 0;
    this.#isOn = this.state === "driving";
    this.#hasSeen = false;
  }

  reboot(atMs: number): void {
    this.#hasSeen = false;
    if (this.state !== "parked") this.#enter("parked", atMs);
    this.#enteredMs = atMs;
    this.restart();
  }

  #levelNow(): boolean {
    const now = this.#looks.at(-1)?.atMs ?? 0;
    const recent = this.#looks.slice(this.#from);
    if (!this.#isOn) {
      const lastOther = recent.findLastIndex(({ kind }) => kind !== "on");
      const first = recent[lastOther + 1];
      return first !== undefined && now - first.atMs >= MODEL_TIMES.onMs;
    }
    const lastOn = recent.findLastIndex(({ kind }) => kind === "on");
    const firstOff = recent.slice(lastOn + 1).find(({ kind }) => kind === "off");
    if (firstOff !== undefined && now - firstOff.atMs >= MODEL_TIMES.offMs) return false;
    const lastKnown = this.#looks.findLast(({ kind }) => kind !== "unknown") ?? this.#looks[0];
    return now - (lastKnown?.atMs ?? now) < MODEL_TIMES.silentMs;
  }

  #enter(state: VehicleState, atMs: number): void {
    this.events.push(`${this.state} > ${state}`);
    if (state === "driving") {
      this.#trips += 1;
      this.trip = this.#trips;
      this.events.push(`begin ${this.trip}`);
    } else if (this.state === "driving") {
      this.events.push(`end ${this.#trips}${this.#hasSeen ? "" : " interrupted"}`);
      this.trip = undefined;
    }
    this.#hasSeen = state === "driving";
    this.#enteredMs = atMs;
    this.state = state;
  }
}
