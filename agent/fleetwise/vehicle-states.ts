import type { OtherStates } from "../commands/state-templates.ts";
import type { Clock } from "../core/clock.ts";
import type { CampaignPlan } from "../telemetry/campaigns/plan/campaign-plan.ts";
import type { KnownSignal } from "./collect/manifest-signal.ts";
import { digestWith, ownPlan } from "./collect/own-plan.ts";
import { StateCollection } from "./collect/state-collection.ts";
import type { KeptTemplate, TemplateList } from "./kept-documents.ts";
import type { ManifestLine } from "./manifest-line.ts";
import type { StateTemplates } from "./read/state-templates.ts";
import type { TemplateState } from "./write/last-known-state.ts";

/** Templates that a vehicle has at most; more are not taken. */
export const MAX_TEMPLATES = 1000;

export type VehicleStatesParts = {
  readonly send: (state: TemplateState) => void;
  /** The plans of the line have changed. */
  readonly apply: () => void;
  readonly clock: Clock;
};

type Active = { readonly plan: CampaignPlan; readonly collection: StateCollection };

/** The state templates of the cloud: which there are, and which of them commands have activated. */
export class VehicleStates implements OtherStates {
  readonly #parts: VehicleStatesParts;
  #list: TemplateList;
  #line: ManifestLine | undefined;
  #wanted: ReadonlySet<string> = new Set();
  #active = new Map<string, Active>();
  #release = (): void => undefined;
  #changed = (): void => undefined;

  constructor(list: TemplateList, parts: VehicleStatesParts) {
    this.#list = list;
    this.#parts = parts;
  }

  get list(): TemplateList {
    return this.#list;
  }

  has(template: string): boolean {
    return this.#list.templates.some(({ syncId }) => syncId === template);
  }

  watch(changed: () => void): void {
    this.#changed = changed;
  }

  /** Takes a change of the list; undefined where it is old, or there is nothing new in it. */
  take({ version, manifestSyncId, add, remove }: StateTemplates): TemplateList | undefined {
    if (version <= this.#list.version) return undefined;
    const gone = new Set([...remove, ...add.map(({ syncId }) => syncId)]);
    const kept = this.#list.templates.filter(({ syncId }) => !gone.has(syncId));
    const added = add.map((template) => ({ ...template, manifestSyncId }));
    this.#list = { version, templates: [...kept, ...added].slice(0, MAX_TEMPLATES) };
    this.#hold();
    this.#changed();
    this.use(this.#wanted, new Set());
    return this.#list;
  }

  /** Another manifest is in force: what is active begins anew there. */
  useLine(line: ManifestLine): void {
    this.#line = line;
    this.#active = new Map();
    this.#hold();
    this.#plan();
  }

  use(active: ReadonlySet<string>, anew: ReadonlySet<string>): void {
    this.#wanted = active;
    this.#plan();
    this.#parts.apply();
    for (const template of anew) this.#snapshot(template);
  }

  fetch(template: string): void {
    this.#snapshot(template);
  }

  /** Of the templates that are active, and fit the manifest in force. */
  plans(): readonly CampaignPlan[] {
    return [...this.#active.values()].map(({ plan }) => plan);
  }

  /** The collection of an active template by its plan. */
  collectionOf({ digest }: CampaignPlan): StateCollection | undefined {
    return [...this.#active.values()].find(({ plan }) => plan.digest === digest)?.collection;
  }

  #plan(): void {
    const before = this.#active;
    this.#active = new Map();
    for (const template of this.#fitting()) {
      const { syncId } = template;
      if (!this.#wanted.has(syncId)) continue;
      const plan = this.#planOf(template);
      if (plan === undefined) continue;
      const known = before.get(syncId);
      const isSame = known?.plan.digest === plan.digest;
      this.#active.set(syncId, isSame ? known : { plan, collection: this.#collect(template) });
    }
  }

  #planOf(template: KeptTemplate): CampaignPlan | undefined {
    if (this.#line === undefined) return undefined;
    const { table } = this.#line.usable;
    const plan = ownPlan({ digest: digestWith(table, template) }, this.#signalsOf(template), table);
    return typeof plan === "string" ? undefined : plan;
  }

  #collect(template: KeptTemplate): StateCollection {
    const { send, clock } = this.#parts;
    return new StateCollection({ template, signals: this.#signalsOf(template), send, clock });
  }

  #snapshot(template: string): void {
    const found = this.#fitting().find(({ syncId }) => syncId === template);
    if (found === undefined || this.#line === undefined) return;
    const collection = this.#active.get(template)?.collection ?? this.#collect(found);
    collection.snapshot(this.#line.latest);
  }

  #signalsOf({ signals }: KeptTemplate): readonly KnownSignal[] {
    return [...new Set(signals)].flatMap((id) => this.#line?.find(id) ?? []);
  }

  #fitting(): readonly KeptTemplate[] {
    const syncId = this.#line?.usable.manifest.syncId;
    return this.#list.templates.filter(({ manifestSyncId }) => manifestSyncId === syncId);
  }

  /** Values of all templates are known, active or not, for when they are asked for. */
  #hold(): void {
    this.#release();
    this.#release = this.#line?.hold(this.#fitting().flatMap(({ signals }) => signals)) ?? (() => undefined);
  }
}
