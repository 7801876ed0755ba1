import type { Journal } from "../../ports/journal.ts";
import type { JournalSpace } from "../../ports/journal-spaces.ts";
import type { VehicleEvents } from "../events/vehicle-events.ts";
import type { SafetyGate } from "../safety-gate.ts";
import { KEPT, type KeptPrivacy, keptPrivacy } from "./kept-place.ts";

const SPACE: JournalSpace = "place";

export type PrivacySwitchParts = {
  readonly journal: Pick<Journal, "atomically" | "get" | "put">;
  readonly events: VehicleEvents;
  /** The driver's switch; undefined where there is none. */
  readonly condition: Pick<SafetyGate, "look"> | undefined;
  readonly wallUs: () => number;
};

/** Whether somebody in the vehicle keeps its positions there: the driver by a switch, or a person at the shell. Each change is an event. */
export class PrivacySwitch {
  readonly #parts: PrivacySwitchParts;
  #kept: KeptPrivacy;

  /** Throws the faults of the journal. */
  constructor(parts: PrivacySwitchParts) {
    const value = parts.journal.get(SPACE, KEPT.privacy);
    this.#parts = parts;
    this.#kept = value === undefined ? { isSwitchedOn: false, isAskedFor: false } : keptPrivacy.parse(value);
  }

  isPrivate(): boolean {
    return this.#kept.isSwitchedOn || this.#kept.isAskedFor;
  }

  /** Looks at the switch; while its signals are silent it is as it was. Call regularly. */
  look(): void {
    const state = this.#parts.condition?.look();
    if (state === undefined || (state.kind === "shut" && state.why === "unknown")) return;
    const isSwitchedOn = state.kind === "open";
    if (isSwitchedOn !== this.#kept.isSwitchedOn) this.#change({ ...this.#kept, isSwitchedOn }, "signal");
  }

  /** A person keeps positions in the vehicle, or does so no more: then the switch counts alone. */
  ask(isAskedFor: boolean): void {
    if (isAskedFor !== this.#kept.isAskedFor) this.#change({ ...this.#kept, isAskedFor }, "technician");
  }

  /** In force at once; in the journal with its event. Throws the faults of the journal: then it is in force all the same. */
  #change(next: KeptPrivacy, by: "signal" | "technician"): void {
    const { journal, events, wallUs } = this.#parts;
    const wasPrivate = this.isPrivate();
    this.#kept = next;
    const isPrivate = this.isPrivate();
    const told = isPrivate === wasPrivate ? [] : [{ kind: "privacy", isPrivate, by, timeUs: wallUs() } as const];
    const added = journal.atomically(() => {
      journal.put([{ space: SPACE, key: KEPT.privacy, value: next }]);
      return events.add(told);
    });
    events.handOver(added);
  }
}
