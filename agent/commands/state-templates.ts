import { z } from "zod";
import type { StateTemplate } from "../../config/catalogue.ts";
import { CLOCK_QUALITIES, type Clock, isBelievable } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Journal, JournalDocument } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";
import type { LatestSignals } from "../signals/latest-signals.ts";
import { exactSignalName } from "../signals/signal-names.ts";
import type { CampaignControl } from "../telemetry/campaigns/arrival/campaign-control.ts";
import type { CampaignPlan } from "../telemetry/campaigns/plan/campaign-plan.ts";
import { stateCampaign } from "../telemetry/campaigns/snapshots/state-campaign.ts";

const SPACE: JournalSpace = "state-templates";
/** How often the time that is left is written down: a process that is killed gives back at most so much of it. */
const KEEP_MS = 60_000;
/** The end by the wall clock of an earlier process is not made anew when the clock gets better: nothing here saw both. */
const SETTLED = CLOCK_QUALITIES.length;

const activation = z.strictObject({
  /** ms that the agent has run less than it should; absent: without end. */
  leftMs: z.number().optional(),
  /** ms since the Unix epoch; absent while the clock could not be believed. */
  endsAtMs: z.number().optional(),
});

type Activation = {
  leftMs: number | undefined;
  endsAtMs: number | undefined;
  /** Place among `CLOCK_QUALITIES` of the clock that `endsAtMs` was read from. */
  rank: number;
};

/** State templates that come from elsewhere than the catalogue, and are sent in their own way. */
export interface OtherStates {
  has(template: string): boolean;
  /** These are active from now on, and no others; those of `anew` begin with a snapshot. */
  use(active: ReadonlySet<string>, anew: ReadonlySet<string>): void;
  /** Sends what is known of its signals now, active or not. */
  fetch(template: string): void;
  /** `changed` is told when templates have come or gone. */
  watch(changed: () => void): void;
}

export type StateTemplateParts = {
  readonly templates: readonly StateTemplate[];
  readonly signals: Pick<LatestSignals, "find">;
  readonly campaigns: Pick<CampaignControl, "planOf" | "useStates">;
  readonly journal: Pick<Journal, "list" | "put">;
  readonly clock: Clock;
  readonly log: Log;
  /** One that the catalogue has too is that of the catalogue. */
  readonly others?: OtherStates | undefined;
};

/** How long an activated template has left. */
export type ActiveState = { readonly template: string; readonly leftSeconds: number | undefined };

/**
 * State templates of the catalogue: the signals of each, and which of them are active, each as a campaign of its own. An activation is in
 * the journal before it counts, and counts again at the next start.
 *
 * One that ends by itself ends when the agent has run for its time, or when its end by the wall clock has come, whichever is first. The
 * wall clock says so only where it could be believed at both moments; a better source that sets it while the agent runs moves that end,
 * since the time that has passed is known. So it is never ended early by a clock that is not trusted, and the time in which the
 * agent did not run prolongs it only as long as nobody knows how long that was.
 */
export class StateTemplates {
  readonly #parts: StateTemplateParts;
  readonly #plans: ReadonlyMap<string, CampaignPlan>;
  readonly #active = new Map<string, Activation>();
  #ranMs: number;
  #keptMs: number;

  /** The templates must fit the signals. */
  constructor(parts: StateTemplateParts) {
    this.#parts = parts;
    this.#plans = new Map(parts.templates.map((one) => [one.template, planOf(one, parts)]));
    this.#ranMs = parts.clock.monotonicMs();
    this.#keptMs = this.#ranMs;
  }

  /** Takes up what was active before this start. Call once, before frames come. */
  restore(): void {
    const { journal, log } = this.#parts;
    const gone: string[] = [];
    for (const { key, value } of this.#read(() => journal.list(SPACE)) ?? []) {
      const read = activation.safeParse(value);
      if (!read.success || !this.#isKnown(key)) gone.push(key);
      else this.#active.set(key, { leftMs: read.data.leftMs, endsAtMs: read.data.endsAtMs, rank: SETTLED });
    }
    this.#forget(gone, "it is not there any more");
    this.#parts.others?.watch(() => this.#othersChanged());
    this.tick();
    this.#apply([]);
    if (this.#active.size > 0) log.info("state-template.restored", { templates: this.#active.size });
  }

  /** Names of the signals of a template of the catalogue; none of another one that is known, undefined for one that is not. */
  signalsOf(template: string): readonly string[] | undefined {
    const known = this.#parts.templates.find((one) => one.template === template)?.signals;
    return known ?? (this.#isKnown(template) ? [] : undefined);
  }

  /** Has those of the templates sent now that are not of the catalogue. */
  fetchOthers(templates: readonly string[]): void {
    for (const one of templates) if (this.#isOther(one)) this.#parts.others?.fetch(one);
  }

  list(): readonly ActiveState[] {
    return [...this.#active].map(([template, { leftMs }]) => ({
      template,
      leftSeconds: leftMs === undefined ? undefined : Math.ceil(leftMs / 1000),
    }));
  }

  /**
   * Activates templates that are known, until they are deactivated or for `seconds`; whether all of them were active. One that was begins
   * again, with a snapshot and this end in place of the one it had. Throws what the journal throws; nothing has changed then.
   */
  activate(templates: readonly string[], seconds: number | undefined): boolean {
    const { journal, log } = this.#parts;
    this.tick();
    const wereActive = templates.every((one) => this.#active.has(one));
    const begun = templates.map((one) => [one, this.#activationFor(seconds)] as const);
    journal.put(begun.map(([key, one]) => documentOf(key, one)));
    for (const [key, one] of begun) this.#active.set(key, one);
    this.#apply(templates);
    for (const template of templates) log.info("state-template.activated", { template, seconds });
    return wereActive;
  }

  /** Deactivates templates; whether none of them was active. Throws what the journal throws; nothing has changed then. */
  deactivate(templates: readonly string[]): boolean {
    const { journal, log } = this.#parts;
    const ending = templates.filter((one) => this.#active.has(one));
    if (ending.length === 0) return true;
    journal.put(ending.map((key) => ({ space: SPACE, key, value: undefined })));
    for (const key of ending) this.#active.delete(key);
    this.#apply([]);
    for (const template of ending) log.info("state-template.deactivated", { template, cause: "command" });
    return false;
  }

  /** Time has passed: ends what is over, and writes down what is left now and then. */
  tick(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const passedMs = nowMs - this.#ranMs;
    this.#ranMs = nowMs;
    const over = [...this.#active].filter(([, one]) => this.#isOver(one, passedMs)).map(([key]) => key);
    for (const key of over) this.#active.delete(key);
    if (over.length > 0) {
      this.#forget(over, "its time is over");
      this.#apply([]);
    }
    if (nowMs - this.#keptMs >= KEEP_MS) this.keep();
  }

  /** Writes down how much time is left. */
  keep(): void {
    this.#keptMs = this.#parts.clock.monotonicMs();
    const timed = [...this.#active].filter(([, { leftMs }]) => leftMs !== undefined);
    if (timed.length > 0) this.#write(timed.map(([key, one]) => documentOf(key, one)));
  }

  #activationFor(seconds: number | undefined): Activation {
    if (seconds === undefined) return { leftMs: undefined, endsAtMs: undefined, rank: SETTLED };
    const one = { leftMs: seconds * 1000, endsAtMs: undefined, rank: -1 };
    this.#isOver(one, 0);
    return one;
  }

  #isOver(one: Activation, passedMs: number): boolean {
    if (one.leftMs === undefined) return false;
    one.leftMs -= passedMs;
    const { clock } = this.#parts;
    const quality = clock.quality();
    if (isBelievable(quality)) {
      const wallMs = clock.wallUs() / 1000;
      const rank = CLOCK_QUALITIES.indexOf(quality);
      if (one.endsAtMs === undefined || rank > one.rank) {
        one.endsAtMs = wallMs + one.leftMs;
        one.rank = rank;
      }
      one.leftMs = Math.min(one.leftMs, one.endsAtMs - wallMs);
    }
    return one.leftMs <= 0;
  }

  #isKnown(template: string): boolean {
    return this.#plans.has(template) || this.#isOther(template);
  }

  #isOther(template: string): boolean {
    return !this.#plans.has(template) && this.#parts.others?.has(template) === true;
  }

  #othersChanged(): void {
    const gone = [...this.#active.keys()].filter((template) => !this.#isKnown(template));
    for (const template of gone) this.#active.delete(template);
    this.#forget(gone, "it is not there any more");
    if (gone.length > 0) this.#apply([]);
  }

  #apply(anew: readonly string[]): void {
    const plansOf = (templates: Iterable<string>) => [...templates].flatMap((one) => this.#plans.get(one) ?? []);
    const othersOf = (templates: Iterable<string>) => new Set([...templates].filter((one) => this.#isOther(one)));
    this.#parts.campaigns.useStates(plansOf(this.#active.keys()), plansOf(anew));
    this.#parts.others?.use(othersOf(this.#active.keys()), othersOf(anew));
  }

  #forget(templates: readonly string[], cause: string): void {
    if (templates.length === 0) return;
    this.#write(templates.map((key) => ({ space: SPACE, key, value: undefined })));
    for (const template of templates) this.#parts.log.info("state-template.deactivated", { template, cause });
  }

  /** What cannot be written now is over all the same, and found to be so again at the next start. */
  #write(documents: readonly JournalDocument[]): void {
    this.#read(() => this.#parts.journal.put(documents));
  }

  #read<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#parts.log.warn("state-template.not-kept", { code: thrown.code, what: thrown.message });
      return undefined;
    }
  }
}

function planOf(template: StateTemplate, { signals, campaigns }: StateTemplateParts): CampaignPlan {
  const names = template.signals.map((name) => {
    const found = signals.find(name);
    if (found.kind === "unfit") throw new TypeError(`a template that was checked does not fit: ${found.problem}`);
    return exactSignalName(found.signal);
  });
  const plan = campaigns.planOf(stateCampaign(template, names));
  if (plan === undefined) throw new TypeError(`the signals of ${template.template} were checked, and are not planned`);
  return plan;
}

function documentOf(key: string, { leftMs, endsAtMs }: Activation): JournalDocument {
  const left = leftMs === undefined ? {} : { leftMs };
  return { space: SPACE, key, value: endsAtMs === undefined ? left : { ...left, endsAtMs } };
}
