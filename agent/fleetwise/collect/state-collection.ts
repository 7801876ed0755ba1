import type { Clock } from "../../core/clock.ts";
import type { CollectionLink } from "../../telemetry/campaigns/run/collection.ts";
import type { OwnCollection } from "../../telemetry/campaigns/run/own-collection.ts";
import type { LatestValues } from "../../telemetry/collect/latest-values.ts";
import type { Reading } from "../../telemetry/collect/sampler.ts";
import type { StateTemplate } from "../read/state-templates.ts";
import { wireValueOf } from "../wire-value.ts";
import type { TemplateState } from "../write/last-known-state.ts";
import { type KnownSignal, RawValues } from "./manifest-signal.ts";

export type StateCollectionParts = {
  readonly template: StateTemplate;
  /** Those of the template that there are. */
  readonly signals: readonly KnownSignal[];
  readonly send: (state: TemplateState) => void;
  readonly clock: Pick<Clock, "monotonicMs">;
};

/** An active state template at work: what changed of its signals, or every so often what came of them. */
export class StateCollection implements OwnCollection {
  /** Nothing fires it. */
  readonly condition = undefined;
  readonly #parts: StateCollectionParts;
  readonly #words: Uint32Array;
  /** By signal: 0 never seen, 1 as it was sent, 2 to be sent. */
  readonly #states: Uint8Array;
  readonly #raw = new RawValues();
  #isWaiting = false;
  #sent = 0;
  #dueMs: number;

  constructor(parts: StateCollectionParts) {
    this.#parts = parts;
    this.#words = new Uint32Array(parts.signals.length * 2);
    this.#states = new Uint8Array(parts.signals.length);
    this.#dueMs = parts.clock.monotonicMs() + this.#periodMs;
  }

  links(): readonly CollectionLink[] {
    return this.#parts.signals.map(({ entry }, local) => ({ slot: entry.index, sampler: this, local }));
  }

  /** On the frame path: allocates nothing. */
  take(local: number, { low, high }: Reading): void {
    const words = this.#words;
    const at = local * 2;
    const isEqual = words[at] === low && words[at + 1] === high && this.#states[local] !== 0;
    if (isEqual && this.#parts.template.update.kind === "on-change") return;
    words[at] = low;
    words[at + 1] = high;
    this.#states[local] = 2;
    this.#isWaiting = true;
  }

  flush(): void {
    if (!this.#isWaiting) return;
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + this.#periodMs;
    this.#send();
  }

  /** Sends all that is known of its signals, whatever was sent before, and begins the period anew. */
  snapshot(latest: LatestValues): void {
    const reading = { slot: 0, timeUs: 0, raw: 0, low: 0, high: 0 };
    for (const [local, { entry }] of this.#parts.signals.entries()) {
      if (!latest.readInto(entry.index, reading)) continue;
      this.#states[local] = 0;
      this.take(local, reading);
    }
    this.#dueMs = this.#parts.clock.monotonicMs() + this.#periodMs;
    this.#send();
  }

  counts(): { readonly triggers: number; readonly suppressed: number } {
    return { triggers: this.#sent, suppressed: 0 };
  }

  get #periodMs(): number {
    const { update } = this.#parts.template;
    return update.kind === "periodic" ? update.periodMs : 0;
  }

  #send(): void {
    const { template, signals, send } = this.#parts;
    const changed = signals.flatMap(({ wire, entry }, local) => {
      if (this.#states[local] !== 2) return [];
      this.#states[local] = 1;
      const raw = this.#raw.of(entry, this.#words[local * 2], this.#words[local * 2 + 1]);
      const value = wireValueOf(wire, raw);
      return value === undefined ? [] : [{ id: wire.id, value }];
    });
    this.#isWaiting = false;
    if (changed.length === 0) return;
    this.#sent += 1;
    send({ syncId: template.syncId, signals: changed });
  }
}
