import type { SenderSlots } from "../../../signals/signal-slots.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import type { KeptSampler } from "../../collect/cells/kept-sampler.ts";
import { type FramePass, Lane } from "../../collect/lane.ts";
import type { CloseCause, Reading, Sampler, SamplerInput } from "../../collect/sampler.ts";
import { SamplerChains, type SamplerLink } from "../../collect/sampler-chains.ts";
import { type CampaignPlan, derivedEntry, type PlannedSampling } from "../plan/campaign-plan.ts";
import { isKept } from "../plan/kept-plan.ts";
import type { CellPlaces } from "./campaign-parts.ts";
import { makeKeptSampler, makeSampler } from "./make-sampler.ts";

type Sampled = { readonly sampler: Sampler; readonly planned: PlannedSampling };

/** Where it gathers samples, and for how many a batch is full. */
export type IntakeParts = {
  readonly table: SignalTable;
  readonly pass: FramePass;
  readonly batchSamples: number;
  /** Absent where what counts in cells takes no part. */
  readonly places?: CellPlaces | undefined;
};

/** Takes the samples that a campaign asks for into its lane: live for as long as it runs, or those of one capture. */
export class CampaignIntake {
  readonly plan: CampaignPlan;
  readonly lane: Lane;
  /** Those that count in cells. */
  readonly kept: readonly KeptSampler[];
  readonly #table: SignalTable;
  readonly #sampled: readonly Sampled[];
  readonly #derived: SamplerChains;
  readonly #reading: Reading = { slot: 0, timeUs: 0, raw: 0, low: 0, high: 0 };
  readonly #number = new Float64Array(1);
  readonly #words = new Uint32Array(this.#number.buffer);

  constructor(plan: CampaignPlan, { table, pass, batchSamples, places }: IntakeParts) {
    this.plan = plan;
    this.#table = table;
    this.lane = new Lane(plan.schema, batchSamples, pass);
    const kept = places === undefined ? [] : keptSamplers(plan, places);
    this.kept = kept.map(({ sampler }) => sampler);
    const sampled = plan.samplings
      .filter(({ entry }) => !isKept(entry))
      .map((planned) => ({ sampler: makeSampler(planned, this.lane), planned }));
    this.#sampled = [...sampled, ...kept];
    this.#derived = new SamplerChains(plan.document.derived.length);
    this.#derived.use(this.#sampled.flatMap((sampled) => derivedLinks(sampled, plan)));
  }

  /** Who takes what of the signals known so far, of each J1939 sender too. Call once. */
  links(): readonly SamplerLink[] {
    const { slots } = this.#table;
    const known = this.#sampled.flatMap(({ sampler, planned }) =>
      planned.signals.flatMap(({ chosen, output }) =>
        chosen.kind === "table" && chosen.signal.pgn === undefined
          ? [linkOf(sampler, { signal: chosen.signal, slot: chosen.signal.index, output })]
          : [],
      ),
    );
    return [...known, ...slots.senders.flatMap((sender) => this.admit(sender))];
  }

  /** Who takes what of a J1939 sender that has just been seen for the first time. */
  admit(sender: SenderSlots): readonly SamplerLink[] {
    const { message, firstSlot } = sender;
    return this.#sampled.flatMap(({ sampler, planned }) =>
      planned.signals.flatMap(({ chosen, output: column }) => {
        if (chosen.kind !== "table") return [];
        const offset = chosen.signal.index - message.firstSignal;
        if (offset < 0 || offset >= message.signalCount) return [];
        const slot = firstSlot + offset;
        const output = this.#outputOf(planned, { slot, column, sender });
        return output === undefined
          ? []
          : [linkOf(sampler, { signal: chosen.signal, slot, output, origin: sender.origin })];
      }),
    );
  }

  #outputOf({ entry }: PlannedSampling, of: { slot: number; column: number; sender: SenderSlots }): number | undefined {
    if (isKept(entry)) return of.column;
    return this.plan.ownSlots === undefined ? of.slot : this.plan.ownSlots.slotFor(of.column, of.sender);
  }

  /** A derived signal, by its place in the document, has a value. On the frame path. */
  takeDerived(index: number, value: number, timeUs: number): void {
    const reading = this.#reading;
    this.#number[0] = value;
    reading.slot = index;
    reading.timeUs = timeUs;
    reading.raw = value;
    reading.low = this.#words[0];
    reading.high = this.#words[1];
    this.#derived.take(reading);
  }

  /** See `Sampler.close`. */
  close(nowMs: number, cause: CloseCause): void {
    for (const { sampler } of this.#sampled) sampler.close(nowMs, cause);
  }
}

function keptSamplers({ samplings }: CampaignPlan, places: CellPlaces) {
  return samplings.flatMap((planned, at) =>
    isKept(planned.entry) ? [{ sampler: makeKeptSampler(planned.entry, places(`${at}`)), planned }] : [],
  );
}

function linkOf(sampler: Sampler, source: Pick<SamplerInput, "signal" | "slot" | "output" | "origin">): SamplerLink {
  const { signal, slot, output, origin } = source;
  const { factor, offset, wide } = signal;
  return { slot, sampler, local: sampler.add({ slot, output, factor, offset, isWide: wide >= 0, signal, origin }) };
}

function derivedLinks({ sampler, planned }: Sampled, { document }: CampaignPlan): readonly SamplerLink[] {
  return planned.signals.flatMap(({ chosen, output }) => {
    if (chosen.kind === "table") return [];
    const slot = chosen.index;
    return [linkOf(sampler, { signal: derivedEntry(document.derived[slot]), slot, output })];
  });
}
