import type { Clock } from "../../../core/clock.ts";
import type { KeptValue } from "../../../ports/outbox.ts";
import type { SenderSlots } from "../../../signals/signal-slots.ts";
import type { Interest } from "../../../signals/wanted-signals.ts";
import type { Appender } from "../../appender.ts";
import { recordsWith } from "../../collect/cells/cell-records.ts";
import { KeptCells } from "../../collect/cells/kept-cells.ts";
import { type Collector, type FrameLinks, type FrameUser } from "../../collect/collector.ts";
import type { CloseCause } from "../../collect/sampler.ts";
import { takeLatest } from "../../collect/take-latest.ts";
import { framesFor, HistoryFilter } from "../../history/history-filter.ts";
import type { EncodedDraft } from "../../record/encode/record-sealer.ts";
import { TableAnnouncement } from "../../table-announcement.ts";
import type { CampaignPlan } from "../plan/campaign-plan.ts";
import { captureWishes } from "../plan/capture-wishes.ts";
import type { FactValues } from "../plan/expression-plan.ts";
import type { CampaignExpressions } from "./campaign-expressions.ts";
import { isMemoryKey } from "./campaign-memory.ts";
import type { CampaignParts } from "./campaign-parts.ts";
import type { TriggerOccasion } from "./collection.ts";
import { FrameTime } from "./frame-time.ts";
import { GatedSamplers } from "./gated-samplers.ts";
import type { DerivedValue } from "./newest-derived.ts";
import type { OwnCollections } from "./own-collection.ts";
import { type CampaignFigures, type CampaignLinks, type CampaignState, RunningCampaign } from "./running-campaign.ts";
import { SharedReaders } from "./shared-readers.ts";

export type CampaignSetParts = {
  readonly campaign: Omit<CampaignParts, "add" | "pass">;
  readonly appender: Pick<Appender, "add" | "addTogether" | "storeSoon">;
  /** What was kept before this start of the agent. */
  readonly kept: readonly { readonly key: string; readonly value: Uint8Array }[];
  /** Names the outbox that is in use at this start. */
  readonly run: string;
  readonly collector: Collector;
  /** Names of the buses, in the order of the configuration. */
  readonly busNames: readonly string[];
  /** What the agent and its buses are like now; see `FactNames`. */
  readonly facts: () => FactValues;
  /** What the campaigns want of the buses from now on, in place of what they wanted before. */
  readonly want: (interest: Interest) => void;
};

/** A campaign that the vehicle has, and how it does. */
export type CampaignStatus = { readonly plan: CampaignPlan; readonly figures: CampaignFigures };

/** What the wall clock goes on or back more than this is a step of it; a slew is far smaller between two flushes. */
const STEP_US = 1_000_000;

/** What a campaign has seen lately. */
export type CampaignSeen = {
  readonly derived: readonly DerivedValue[];
  readonly lastTriggers: readonly TriggerOccasion[];
};

/** A derived signal of a campaign. */
export type CampaignDerived = DerivedValue & { readonly campaign: string };

type Member = {
  readonly campaign: RunningCampaign;
  readonly table: TableAnnouncement | undefined;
  state: CampaignState;
};

/**
 * The campaigns of the vehicle, in one pass over the frames. Replacing one touches no other, and what a campaign holds when it goes is
 * handed over first.
 */
export class CampaignSet implements FrameUser {
  readonly #parts: CampaignSetParts;
  readonly #own: OwnCollections;
  #members: readonly Member[] = [];
  #unsettled: CampaignExpressions[] = [];
  #isPaused: (id: string) => boolean = () => false;
  /** Of those that run. */
  #readers = new SharedReaders();
  #gated = new GatedSamplers();
  /** Records for the next flush, and what is kept as it is after them. */
  #drafts: EncodedDraft[] = [];
  #forgotten: KeptValue[] = [];
  readonly #kept: Map<string, Uint8Array>;
  readonly #campaignParts: CampaignParts;
  #isAnnounced = false;
  #isPrompt = false;
  /** Wall time less monotonic time, µs. */
  #clockOffsetUs: number;
  readonly #cells: KeptCells;
  readonly #frameTime: FrameTime;

  constructor(parts: CampaignSetParts, own: OwnCollections = () => undefined) {
    this.#parts = parts;
    this.#own = own;
    this.#kept = new Map(parts.kept.map(({ key, value }) => [key, value]));
    this.#cells = new KeptCells(parts.kept, parts.run);
    this.#forgotten.push(...this.#cells.unreadable);
    this.#clockOffsetUs = offsetOf(parts.campaign.clock);
    this.#frameTime = new FrameTime(parts.campaign.clock);
    const add = (draft: EncodedDraft): void => this.#add(draft);
    this.#campaignParts = { ...parts.campaign, pass: parts.collector.pass, add };
  }

  /** Whether there is a record that does not wait for its batch: an event. */
  get isPrompt(): boolean {
    return this.#isPrompt;
  }

  /** From the next frame on these plans count. One of the same digest runs on as it is. */
  use(plans: readonly CampaignPlan[]): void {
    const kept = new Map(this.#members.map((member) => [member.campaign.plan.digest, member]));
    const next = plans.map((plan) => kept.get(plan.digest) ?? this.#begin(plan));
    for (const member of this.#members) if (!next.includes(member)) this.#end(member.campaign);
    this.#members = next;
    this.#takePart();
  }

  /** From the next flush on, campaigns whose id `isPaused` names collect nothing and trigger nothing; what they hold is handed over with it. */
  pause(isPaused: (id: string) => boolean): void {
    this.#isPaused = isPaused;
    for (const { campaign } of this.#members) campaign.pause(isPaused(campaign.plan.document.id));
  }

  list(): readonly CampaignStatus[] {
    return this.#members.map(({ campaign }) => ({ plan: campaign.plan, figures: campaign.figures() }));
  }

  /** What a running campaign has seen lately: derived signals and triggers; undefined where there is none of the id. */
  seenBy(id: string): CampaignSeen | undefined {
    const found = this.#members.find(({ campaign }) => campaign.plan.document.id === id)?.campaign;
    return found === undefined ? undefined : { derived: found.derived(), lastTriggers: found.lastTriggers() };
  }

  /** Newest values of the derived signals of all campaigns. */
  derived(): readonly CampaignDerived[] {
    return this.#members.flatMap(({ campaign }) => {
      const { id } = campaign.plan.document;
      return campaign.derived().map((one) => ({ campaign: id, ...one }));
    });
  }

  /** Fires the trigger of a campaign by hand, between two frames; false where there is none. What it makes at once does not wait. */
  fire(id: string): boolean {
    const member = this.#members.find(({ campaign }) => campaign.plan.document.id === id);
    const isFired = member?.campaign.fire(this.#frameTime.nowUs()) === true;
    if (isFired) this.#parts.appender.storeSoon(this.#joinCommit);
    return isFired;
  }

  /** What is known of the signals of a campaign goes through its samplers, with the times at which it came, and is a record by itself. */
  snapshot(id: string): void {
    const member = this.#members.find(({ campaign }) => campaign.plan.document.id === id);
    if (member === undefined || !isActive(member.state)) return;
    const { pass, latest } = this.#parts.collector;
    const nowUs = this.#frameTime.nowUs();
    member.campaign.flush("tick", nowUs);
    takeLatest(member.campaign.links.samplers, latest, pass);
    member.campaign.flush("tick", nowUs);
  }

  /** Announces the tables of campaigns that have one of their own, and from now on that of each new one. */
  announce(): void {
    this.#isAnnounced = true;
    for (const { table } of this.#members) table?.announce();
  }

  admit(sender: SenderSlots): FrameLinks {
    const added = this.#members.map(({ campaign, state }) => ({ links: campaign.admit(sender), state }));
    return this.#join(added.filter(({ state }) => isActive(state)).map(({ links }) => links));
  }

  settle(timeUs: number): void {
    if (this.#unsettled.length === 0) return;
    this.#frameTime.note(timeUs);
    this.#settleAll(timeUs);
  }

  #settleAll(timeUs: number): void {
    for (const expressions of this.#unsettled) expressions.settle(timeUs);
    this.#unsettled.length = 0;
  }

  /**
   * Between two flushes: timers and windows that are due. True where a flush is due: a record has been made, a campaign begins or ends, or
   * `isEnough` says it of the samples that wait.
   */
  look(isEnough: (samples: number) => boolean): boolean {
    this.#parts.collector.pass.frame += 1;
    this.noteClockStep();
    const nowUs = this.#frameTime.nowUs();
    this.#noteFacts(nowUs);
    let samples = 0;
    let isDue = false;
    for (const { campaign, state } of this.#members) {
      const seen = campaign.look(nowUs);
      samples += seen.samples;
      isDue ||= seen.isDue || isActive(campaign.state()) !== isActive(state);
    }
    return isDue || this.#drafts.length > 0 || isEnough(samples);
  }

  /** Hands over what is due, and lets campaigns begin and end by the clock. */
  flush(cause: CloseCause): void {
    this.#parts.collector.pass.frame += 1;
    this.#parts.collector.pass.isFull = false;
    this.noteClockStep();
    const nowUs = this.#frameTime.nowUs();
    this.#noteFacts(nowUs);
    let hasChanged = false;
    for (const member of this.#members) {
      const state = member.campaign.state();
      const isLast = isActive(member.state) && !isActive(state);
      member.campaign.flush(isLast ? "stop" : cause, nowUs);
      if (cause === "stop") member.campaign.leave(nowUs);
      if (isLast && state === "ended") this.#forgotten.push(...member.campaign.retire());
      member.table?.announceShorter();
      hasChanged ||= isActive(state) !== isActive(member.state);
      member.state = state;
    }
    if (hasChanged) this.#takePart();
    if (cause === "stop") this.#forgetGone();
    this.#handOver();
  }

  /** The vehicle goes to sleep: windows that are open end, and everything comes out. All go on after it. */
  closeWindows(): void {
    const nowUs = this.#frameTime.nowUs();
    for (const { campaign } of this.#members) campaign.flush("stop", nowUs);
    this.#handOver();
  }

  /** What it holds goes out, and what it kept with it. */
  #end(campaign: RunningCampaign): void {
    campaign.flush("stop", this.#frameTime.nowUs());
    this.#forgotten.push(...campaign.retire());
    for (const key of campaign.keptKeys()) this.#forget(key);
  }

  /** What campaigns remembered that have not come again in this run of the agent. */
  #forgetGone(): void {
    const inUse = new Set(this.#members.flatMap(({ campaign }) => campaign.keptKeys()));
    for (const key of [...this.#kept.keys()].filter(isMemoryKey)) if (!inUse.has(key)) this.#forget(key);
  }

  #forget(key: string): void {
    this.#kept.delete(key);
    this.#forgotten.push({ key, value: undefined });
  }

  /** Hands over the cells of campaigns that went, or were replaced, while the agent was not running. Call when all are in `use`. */
  reportOrphans(): void {
    const parts = { stream: "telemetry", encoder: this.#campaignParts.encoder } as const;
    for (const { report, forget } of this.#cells.orphans()) {
      const { drafts, kept } = recordsWith(report, forget, parts);
      this.#drafts.push(...drafts);
      this.#forgotten.push(...kept);
    }
  }

  /** Records and what is kept, in one piece: after a kill what is kept is as it was after the records that are there. */
  #handOver(): void {
    const changed = this.#members.flatMap(({ campaign }) => campaign.changedState());
    const kept = [...this.#forgotten, ...changed];
    if (this.#drafts.length + kept.length > 0) this.#parts.appender.addTogether(this.#drafts, kept);
    this.#drafts = [];
    this.#forgotten = [];
    this.#isPrompt = false;
  }

  readonly #joinCommit = (): void => this.#handOver();

  #add(draft: EncodedDraft): void {
    this.#drafts.push(draft);
    this.#isPrompt ||= draft.stream === "event" || draft.stream === "control";
  }

  #begin(plan: CampaignPlan): Member {
    const { busNames, appender } = this.#parts;
    const parts = this.#campaignParts;
    const isCapture = plan.document.trigger?.mode === "rising";
    const wishes = isCapture ? captureWishes(plan, parts.table, busNames) : undefined;
    const unsettled = { add: (one: CampaignExpressions) => void this.#unsettled.push(one) };
    const own = this.#own(plan, parts);
    const met = { wishes, unsettled, kept: this.#kept, cells: this.#cells, own };
    const campaign = new RunningCampaign(plan, met, parts);
    campaign.pause(this.#isPaused(plan.document.id));
    // Its end may have come while the agent was not running.
    if (campaign.state() === "ended") this.#forgotten.push(...campaign.retire());
    const announced =
      plan.ownSlots === undefined ? undefined : new TableAnnouncement(parts.encoder, appender, plan.schema);
    if (this.#isAnnounced) announced?.announce();
    return { campaign, table: announced, state: campaign.state() };
  }

  /** Looks whether the clock was set, as each flush does: before frames of the new time come. */
  noteClockStep(): void {
    const offsetUs = offsetOf(this.#parts.campaign.clock);
    const byUs = offsetUs - this.#clockOffsetUs;
    this.#clockOffsetUs = offsetUs;
    if (Math.abs(byUs) < STEP_US) return;
    this.#frameTime.wallStepped(byUs);
    // A step back is seen without being told.
    if (byUs < 0 || this.#frameTime.isOther) return;
    for (const { campaign } of this.#members) campaign.clockStepped(byUs);
  }

  #noteFacts(nowUs: number): void {
    const active = this.#members.filter(({ state }) => isActive(state));
    const asking = active.filter(({ campaign }) => campaign.plan.expressions.facts.length > 0);
    if (asking.length === 0) return;
    const facts = this.#parts.facts();
    for (const { campaign } of asking) campaign.noteFacts(facts, nowUs);
    this.#settleAll(nowUs);
  }

  #join(links: readonly CampaignLinks[]): FrameLinks {
    const samplers = links.flatMap((one) => one.samplers);
    const gated = samplers.flatMap(({ gate, ...link }) => (gate === undefined ? [] : [{ ...link, gate }]));
    return {
      readers: this.#readers.join(links.flatMap(({ readers }) => readers)),
      samplers: [...samplers.filter(({ gate }) => gate === undefined), ...this.#gated.join(gated)],
    };
  }

  #takePart(): void {
    const { collector, campaign } = this.#parts;
    const active = this.#members.filter(({ state }) => isActive(state)).map((member) => member.campaign);
    this.#readers = new SharedReaders();
    this.#gated = new GatedSamplers();
    collector.use(this.#join(active.map(({ links }) => links)), this);
    const beforeMs = active.map(({ plan }) => plan.document.trigger?.beforeMs ?? 0);
    const wishes = active.flatMap((one) => one.wishes?.all ?? []);
    this.#parts.want({
      signals: signalsOf(active.map(({ plan }) => plan)),
      frames: framesFor(wishes, this.#parts.busNames),
    });
    campaign.history?.use(new HistoryFilter(wishes), Math.max(0, ...beforeMs));
  }
}

/** Signals that must be decoded for `plans`, by their index in the table, each once. */
export function signalsOf(plans: readonly CampaignPlan[]): readonly number[] {
  const signals = plans.flatMap(({ samplings, expressions }) => [
    ...samplings.flatMap((sampling) =>
      sampling.signals.flatMap(({ chosen }) => (chosen.kind === "table" ? [chosen.signal.index] : [])),
    ),
    ...expressions.inputs.map(({ index }) => index),
  ]);
  return [...new Set(signals)];
}

function offsetOf(clock: Clock): number {
  return clock.wallUs() - clock.monotonicMs() * 1000;
}

function isActive(state: CampaignState): boolean {
  return state === "running";
}
