import type { JournalStatus } from "../../ports/journal.ts";
import { asJson } from "../../telemetry/durable-records/numbered-events.ts";
import type { KeptChanges } from "../events/kept-changes.ts";
import type { SafetyGate } from "../safety-gate.ts";
import { KEPT, type KeptPrivacy, keptPrivacy } from "./kept-place.ts";

export type PrivacySwitchParts = {
  readonly kept: Pick<KeptChanges, "get" | "keep">;
  /** Of the journal behind `kept`. */
  readonly status: () => JournalStatus;
  /** The driver's switch; undefined where there is none. */
  readonly condition: Pick<SafetyGate, "look"> | undefined;
  readonly wallUs: () => number;
};

/**
 * Whether somebody in the vehicle keeps its positions there: the driver by a switch, or a person at the shell. Each change is an event.
 * Where the journal has lost what was asked for, it counts as asked for until a person says no.
 */
export class PrivacySwitch {
  readonly #parts: PrivacySwitchParts;
  #kept: KeptPrivacy;
  #storedLossUs: number | undefined;

  /** Throws the faults of the journal. */
  constructor(parts: PrivacySwitchParts) {
    const value = parts.kept.get(KEPT.privacy);
    this.#parts = parts;
    const stored = value === undefined ? { isSwitchedOn: false, isAskedFor: false } : keptPrivacy.parse(value);
    this.#storedLossUs = stored.lossUs;
    this.#kept = this.#afterLoss(stored);
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

  /** A loss of the journal counts from here on, also one that was found since; kept, so that it does after an acknowledgement too. Throws as `ask`. */
  noticeLoss(): void {
    this.#kept = this.#afterLoss(this.#kept);
    if (this.#kept.lossUs === this.#storedLossUs) return;
    this.#storedLossUs = this.#kept.lossUs;
    this.#parts.kept.keep([[KEPT.privacy, asJson(this.#kept)]], []);
  }

  /** What was asked for before a loss is not known; what is asked for after it is. */
  #afterLoss(kept: KeptPrivacy): KeptPrivacy {
    const status = this.#parts.status();
    if (status.kind === "sound" || status.sinceUs === kept.lossUs) return kept;
    return { ...kept, isAskedFor: true, lossUs: status.sinceUs };
  }

  /** In force at once; in the journal with its event. Throws the faults of the journal: then it is in force all the same. */
  #change(next: KeptPrivacy, by: "signal" | "technician"): void {
    const { kept, wallUs } = this.#parts;
    const wasPrivate = this.isPrivate();
    this.#kept = next;
    const isPrivate = this.isPrivate();
    const told = isPrivate === wasPrivate ? [] : [{ kind: "privacy", isPrivate, by, timeUs: wallUs() } as const];
    kept.keep([[KEPT.privacy, asJson(next)]], told);
  }
}
