import type { KeptValue } from "../../../ports/outbox.ts";
import type { SenderSlots } from "../../../signals/signal-slots.ts";
import type { KeptCells } from "../../collect/cells/kept-cells.ts";
import type { CloseCause } from "../../collect/sampler.ts";
import type { ResultSink } from "../../expressions/board-plan.ts";
import type { Expression } from "../../expressions/compile.ts";
import { shownValues } from "../../expressions/operand.ts";
import { Trigger } from "../../expressions/trigger.ts";
import type { EncodedDraft } from "../../record/encode/record-sealer.ts";
import type { CampaignPlan } from "../plan/campaign-plan.ts";
import type { CaptureWishes } from "../plan/capture-wishes.ts";
import type { FactValues } from "../plan/expression-plan.ts";
import { Budget } from "./budget.ts";
import { CampaignExpressions, type Unsettled } from "./campaign-expressions.ts";
import { CampaignMemory } from "./campaign-memory.ts";
import { type CampaignParts, refOf } from "./campaign-parts.ts";
import { CapturedCollection } from "./captured-collection.ts";
import type { Collection, CollectionLink, Look, TriggerOccasion } from "./collection.ts";
import { ContinuousCollection } from "./continuous-collection.ts";
import { type DerivedValue, NewestDerived } from "./newest-derived.ts";
import { asCollection, type OwnCollection } from "./own-collection.ts";
import type { ReaderLink } from "./shared-readers.ts";
import { TripWatch } from "./trip-watch.ts";

/** Triggers of this run of the agent that are remembered for people. */
const REMEMBERED_TRIGGERS = 10;

/** "running": it collects, or waits for its trigger; "waiting": before its start; "ended": after its end; "spent": its budget of today is used up; "paused": the state of the vehicle has it pause. */
export type CampaignState = "running" | "waiting" | "ended" | "spent" | "paused";

/** What is told of a campaign that the vehicle has. */
export type CampaignFigures = {
  readonly state: CampaignState;
  /** Of its version, over restarts. */
  readonly triggers: number;
  /** Triggers that came too soon, or past the greatest number. */
  readonly suppressed: number;
  /** Bytes of payloads stored today, a day of UTC. */
  readonly bytesToday: number;
  readonly discardedSamples: number;
};

/** What a campaign meets when it begins. */
export type RunningContext = {
  /** Of one that captures. */
  readonly wishes: CaptureWishes | undefined;
  readonly unsettled: Unsettled;
  /** What was kept before this start of the agent. */
  readonly kept: ReadonlyMap<string, Uint8Array>;
  readonly cells: KeptCells;
  /** In the place of what its document says. */
  readonly own: OwnCollection | undefined;
};

/** What a campaign takes of the frames. */
export type CampaignLinks = {
  readonly readers: readonly ReaderLink[];
  readonly samplers: readonly CollectionLink[];
};

/** One campaign at work. */
export class RunningCampaign {
  readonly plan: CampaignPlan;
  readonly wishes: CaptureWishes | undefined;
  readonly #parts: CampaignParts;
  readonly #budget: Budget;
  readonly #memory: CampaignMemory;
  readonly #trip: TripWatch;
  readonly #trigger: Trigger | undefined;
  readonly #own: OwnCollection | undefined;
  readonly #collection: Collection;
  readonly #expressions: CampaignExpressions | undefined;
  readonly #derived: NewestDerived;
  readonly #lastTriggers: TriggerOccasion[] = [];
  /** ms since the Unix epoch. */
  readonly #startMs: number;
  readonly #endMs: number;
  #links: CampaignLinks;
  #isByHand = false;
  #isPaused = false;

  constructor(plan: CampaignPlan, { wishes, unsettled, kept, cells, own }: RunningContext, parts: CampaignParts) {
    const { start, end } = plan.document;
    this.plan = plan;
    this.#trip = new TripWatch(plan.expressions.isOwnTrip ? 0 : undefined);
    this.wishes = wishes;
    this.#startMs = start === undefined ? Number.NEGATIVE_INFINITY : Date.parse(start);
    this.#endMs = end === undefined ? Number.POSITIVE_INFINITY : Date.parse(end);
    this.#parts = parts;
    this.#budget = new Budget(plan.document.budget?.bytesPerDay);
    this.#derived = new NewestDerived(plan.document.derived);
    this.#own = own;
    this.#collection = own === undefined ? this.#collectionOf(cells) : asCollection(own);
    this.#trigger = own === undefined ? this.#triggerOf() : undefined;
    this.#memory = new CampaignMemory(plan, this.#trigger, this.#budget);
    this.#memory.restore(kept);
    this.#expressions = this.#expressionsOf(unsettled);
    this.#links = { readers: this.#expressions?.links() ?? [], samplers: this.#collection.links() };
  }

  /** What it takes of the frames while it runs. */
  get links(): CampaignLinks {
    return this.#links;
  }

  state(): CampaignState {
    const nowMs = this.#wallMs();
    if (nowMs < this.#startMs) return "waiting";
    if (nowMs >= this.#endMs) return "ended";
    if (this.#isPaused) return "paused";
    return this.#budget.isSpent(nowMs) ? "spent" : "running";
  }

  /** Whether it pauses from the next flush on. */
  pause(isPaused: boolean): void {
    this.#isPaused = isPaused;
  }

  figures(): CampaignFigures {
    const own = this.#own?.counts();
    return {
      state: this.state(),
      triggers: own?.triggers ?? this.#trigger?.state().fired ?? 0,
      suppressed: own?.suppressed ?? this.#trigger?.suppressed ?? 0,
      bytesToday: this.#budget.usedBytes(this.#wallMs()),
      discardedSamples: this.#collection.discarded(),
    };
  }

  /** Newest values of its derived signals, as far as they have one. */
  derived(): readonly DerivedValue[] {
    return this.#derived.list();
  }

  /** The newest triggers of this run of the agent, the newest last. */
  lastTriggers(): readonly TriggerOccasion[] {
    return [...this.#lastTriggers];
  }

  /** Takes its part in a J1939 sender that has just been seen for the first time, and gives what is new of it. */
  admit(sender: SenderSlots): CampaignLinks {
    const added = { readers: this.#expressions?.admit(sender) ?? [], samplers: this.#collection.admit(sender) };
    const { readers, samplers } = this.#links;
    this.#links = { readers: [...readers, ...added.readers], samplers: [...samplers, ...added.samplers] };
    return added;
  }

  /** The wall clock was set forward by so much. */
  clockStepped(byUs: number): void {
    this.#expressions?.clockStepped(byUs);
  }

  noteFacts(facts: FactValues, nowUs: number): void {
    this.#expressions?.noteFacts(facts, nowUs);
  }

  /** Fires its trigger by hand; false where it has none of mode "rising", or does not run. `nowUs`: see `FrameTime`. */
  fire(nowUs: number): boolean {
    if (this.plan.document.trigger?.mode !== "rising" || this.state() !== "running") return false;
    this.#isByHand = true;
    this.#trigger?.fire(nowUs);
    this.#isByHand = false;
    return true;
  }

  /** What must outlive a restart and has changed since it was asked last: to be stored together with the records handed over so far. */
  changedState(): readonly KeptValue[] {
    return [...this.#collection.takeKept(), ...this.#memory.changed()];
  }

  /** What it counts in cells goes out: it has ended, or goes. Gives what is kept no more. */
  retire(): readonly KeptValue[] {
    this.#collection.retire();
    return this.#collection.takeKept();
  }

  /** Keys under which it keeps its state. */
  keptKeys(): readonly string[] {
    return [this.#memory.key];
  }

  /** The agent stops: what lasts as long as its condition ends here. */
  leave(timeUs: number): void {
    this.#collection.end(timeUs);
  }

  /** Between two flushes: timers that are due, and windows. */
  look(nowUs: number): Look {
    if (this.state() === "running") this.#expressions?.tick(nowUs);
    const { isDue, samples } = this.#collection.look();
    return { isDue: isDue || this.#trip.hasEnded, samples };
  }

  /** Timers that are due while it runs, then what is to be handed over. "stop" hands over all that it holds. `nowUs`: see `FrameTime`. */
  flush(cause: CloseCause, nowUs: number): void {
    if (this.state() === "running") this.#expressions?.tick(nowUs);
    const hasTripEnded = this.#trip.takeEnd();
    if (cause === "step") this.#collection.flush(cause);
    this.#collection.flush(cause !== "stop" && hasTripEnded ? "trip" : cause === "step" ? "tick" : cause);
  }

  #wallMs(): number {
    return this.#parts.clock.wallUs() / 1000;
  }

  #collectionOf(cells: KeptCells): Collection {
    const { history } = this.#parts;
    const add = (draft: EncodedDraft): void => {
      const stored = (bytes: number): void => this.#budget.take(bytes, this.#wallMs());
      this.#parts.add({ ...draft, stored });
    };
    const campaign = refOf(this.plan);
    const places = campaign === undefined ? undefined : (name: string) => cells.place(campaign, name);
    const output = { campaign, add, places };
    if (this.wishes === undefined || history === undefined) {
      return new ContinuousCollection(this.plan, output, this.#parts);
    }
    return new CapturedCollection(this.plan, { wishes: this.wishes, history }, output, this.#parts);
  }

  #triggerOf(): Trigger | undefined {
    const { trigger } = this.plan.document;
    if (trigger === undefined) return undefined;
    const { mode, forMs, minIntervalMs, maxCount, release } = trigger;
    const bound = maxCount === undefined ? {} : { maxCount };
    const settings = { mode, forMs, minIntervalMs, ...bound, hasRelease: release !== undefined };
    return new Trigger(settings, {
      begin: (fired, timeUs, values) => {
        const cause = { expression: trigger.condition, mode, byHand: this.#isByHand, values: shownValues(values) };
        const occasion = { number: fired.state().fired, timeUs, cause };
        this.#remember(occasion);
        this.#collection.begin(occasion);
      },
      end: (_, timeUs) => this.#collection.end(timeUs),
    });
  }

  #remember(occasion: TriggerOccasion): void {
    this.#lastTriggers.push(occasion);
    if (this.#lastTriggers.length > REMEMBERED_TRIGGERS) this.#lastTriggers.shift();
  }

  #expressionsOf(unsettled: Unsettled): CampaignExpressions | undefined {
    const { expressions } = this.plan;
    const { condition, release, trip, derived, inputs } = expressions;
    if (derived.length === 0 && condition === undefined && trip === undefined) return undefined;
    const conditions = new Map<Expression, ResultSink>();
    const ownSink = this.#own?.condition;
    if (ownSink !== undefined && condition !== undefined) conditions.set(condition, ownSink);
    if (this.#trigger !== undefined) {
      if (release !== undefined) conditions.set(release, this.#trigger.release);
      if (condition !== undefined) conditions.set(condition, this.#trigger.condition);
    }
    if (trip !== undefined) conditions.set(trip, this.#trip);
    const takeDerived = (input: number, value: number, timeUs: number): void => {
      this.#derived.take(input - inputs.length, value, timeUs);
      this.#collection.takeDerived(input - inputs.length, value, timeUs);
    };
    return new CampaignExpressions(expressions, this.#parts.table, { derived: { takeDerived }, conditions, unsettled });
  }
}
