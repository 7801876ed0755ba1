import { createHash } from "node:crypto";
import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { EntryProblem } from "../../../core/entry-problem.ts";
import type { SignalEntry } from "../../../signals/signal-entry.ts";
import { exactSignalName } from "../../../signals/signal-names.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";
import type { OutputSchema } from "../../collect/lane.ts";
import { campaignSchema, type OutputColumn, type OutputSlots } from "./campaign-schema.ts";
import type { ChosenSignal } from "./chosen-signal.ts";
import { type ExpressionPlan, type FactNames, planExpressions } from "./expression-plan.ts";
import { isKept, keptProblems, pairedSignals } from "./kept-plan.ts";
import { SignalChoice } from "./signal-choice.ts";

type CollectEntry = CampaignDocument["collect"][number];
export type AggregateKind = Extract<CollectEntry, { mode: "aggregate" }>["of"][number];

/** What is done with some signals in one way. */
export type PlannedSampling = {
  /** The entry of the document, and of an aggregate which. */
  readonly entry: Exclude<CollectEntry, { mode: "off" }>;
  readonly aggregate: AggregateKind | undefined;
  /**
   * Each with its column: in the vehicle's table the slot of the signal, in the campaign's own its place. Of what is no column, its
   * place in this list; then of a histogram of two signals each is followed by its second.
   */
  readonly signals: readonly { readonly chosen: ChosenSignal; readonly output: number }[];
};

/** A document that fits the vehicle: what it names is found. */
export type CampaignPlan = {
  readonly document: CampaignDocument;
  /** First 16 hexadecimal digits of the SHA-256 of the document. */
  readonly digest: string;
  readonly schema: OutputSchema;
  /** The slots of `schema` where it is the campaign's own; undefined where it is the vehicle's table. */
  readonly ownSlots: OutputSlots | undefined;
  readonly samplings: readonly PlannedSampling[];
  readonly expressions: ExpressionPlan;
  /** Entries that choose nothing. */
  readonly warnings: readonly EntryProblem[];
};

export type PlannedCampaign =
  | { readonly kind: "plan"; readonly plan: CampaignPlan }
  | { readonly kind: "unfit"; readonly problems: readonly EntryProblem[] };

/** Columns of J1939 senders that a campaign's own table has room for. */
const MAX_SENDER_COLUMNS = 1024;
/** Columns of a campaign's own table, J1939 senders apart. */
const MAX_COLUMNS = 16_384;
/** Problems of a document that are told. */
const MAX_PROBLEMS = 50;
/** Names of an entry that choose nothing, characters that are told of them. */
const MAX_NAMES_TOLD = 200;
/** Of these modes the last entry counts that chooses a signal. */
const SAMPLE_MODES = new Set(["off", "every", "on-change", "latest", "curve"]);

/** The vehicle that a document must fit. */
export type PlanContext = {
  readonly table: SignalTable;
  /** Names of the buses, in the order of the configuration. */
  readonly busNames: readonly string[];
  readonly facts: FactNames;
  /** Whether received frames can be kept for the time before a trigger. */
  readonly hasHistory: boolean;
};

/**
 * What `document` asks for of the vehicle's signals. An entry with '*' that chooses nothing is a warning, a name without '*' that is no
 * signal, or several of one bus, a problem: which was meant is not guessed. `unknown` says what a name is that is no signal.
 */
export function planCampaign(
  document: CampaignDocument,
  context: PlanContext,
  unknown: "problem" | "warning" = "problem",
): PlannedCampaign {
  const { table } = context;
  const choice = new SignalChoice(table.signals, document.derived);
  const expressions = planExpressions(document, table, context.facts);
  const problems = [
    ...(expressions.kind === "unfit" ? expressions.problems : []),
    ...document.collect.flatMap((entry, at) =>
      ambiguities(entry, choice).map((problem) => ({ path: ["collect", at, "signals"], problem })),
    ),
    ...(unknown === "problem" ? strangers(document, choice) : []),
    ...captureProblems(document, context),
  ];
  if (expressions.kind === "unfit" || problems.length > 0) return unfit(problems);
  const find = (pattern: string): readonly ChosenSignal[] => choice.of([pattern]);
  const choices = document.collect.map((entry) => pairedSignals(entry, choice.of(patternsOf(entry)), find));
  const keptUnfit = keptProblems(document, choices, find);
  if (keptUnfit.length > 0) return unfit(keptUnfit);
  const warnings = document.collect.flatMap(({ signals }, at) =>
    choices[at].length === 0
      ? [{ path: ["collect", at, "signals"], problem: `${shortened(JSON.stringify(signals))} matches no signal` }]
      : [],
  );
  const samplings = samplingsOf(document, choices, table);
  const isPlain = samplings.every(isInTable);
  const excess = isPlain ? [] : columnExcess(samplings, document);
  if (excess.length > 0) return unfit(excess);
  const { schema, ownSlots, planned } = isPlain ? inTable(samplings, table) : inOwnTable(samplings, document, table);
  const digest = digestOf(document);
  const plan = { document, digest, schema, ownSlots, samplings: planned, expressions: expressions.plan, warnings };
  return { kind: "plan", plan };
}

function unfit(problems: readonly EntryProblem[]): PlannedCampaign {
  return { kind: "unfit", problems: problems.slice(0, MAX_PROBLEMS) };
}

function shortened(names: string): string {
  return names.length <= MAX_NAMES_TOLD ? names : `${names.slice(0, MAX_NAMES_TOLD)}...`;
}

/** The entry with which a table of the campaign's own gets too many columns. */
function columnExcess(samplings: readonly Sampling[], { collect }: CampaignDocument): readonly EntryProblem[] {
  let columns = 0;
  for (const { entry, chosen } of samplings) {
    if (!isKept(entry)) columns += chosen.length;
    if (columns <= MAX_COLUMNS) continue;
    const problem = `with those before it takes ${columns} columns or more, more than ${MAX_COLUMNS}`;
    return [{ path: ["collect", collect.indexOf(entry)], problem }];
  }
  return [];
}

function captureProblems(
  { trigger, frames }: CampaignDocument,
  { busNames, hasHistory }: PlanContext,
): readonly EntryProblem[] {
  const unknown = frames.flatMap(({ bus }, at) =>
    busNames.includes(bus)
      ? []
      : [{ path: ["frames", at, "bus"], problem: `unknown bus ${bus}; configured: ${busNames.join(", ")}` }],
  );
  if (trigger?.mode !== "rising" || hasHistory) return unknown;
  return [
    ...unknown,
    { path: ["trigger", "mode"], problem: "rising needs a history: campaigns.history.maxBytes is 0" },
  ];
}

/** First 16 hexadecimal digits of the SHA-256 of a document, whatever spaces it is written with. */
export function digestOf(document: CampaignDocument): string {
  return createHash("sha256").update(JSON.stringify(document)).digest("hex").slice(0, 16);
}

type Sampling = Omit<PlannedSampling, "signals"> & { readonly chosen: readonly ChosenSignal[] };

function patternsOf({ signals }: CollectEntry): readonly string[] {
  return typeof signals === "string" ? [signals] : signals;
}

/** A name without '*' means the same message on each bus, not two messages of one. */
function ambiguities(entry: CollectEntry, choice: SignalChoice): readonly string[] {
  return patternsOf(entry).flatMap((pattern) => {
    if (pattern.includes("*")) return [];
    const matches = choice.matching(pattern);
    const buses = new Set(matches.map(({ bus }) => bus));
    const exact = new Set(matches.map(exactSignalName));
    if (exact.size === buses.size) return [];
    return [`${pattern} is several signals of a bus, write which: ${[...exact].join(", ")}`];
  });
}

/** Names without '*' that are no signal. */
function strangers({ collect, derived }: CampaignDocument, choice: SignalChoice): readonly EntryProblem[] {
  const own = new Set(derived.map(({ name }) => name));
  return collect.flatMap((entry, at) =>
    patternsOf(entry)
      .filter((name) => !name.includes("*") && !own.has(name) && choice.matching(name).length === 0)
      .map((name) => ({ path: ["collect", at, "signals"], problem: `there is no signal ${name}` })),
  );
}

function samplingsOf(
  { collect, derived }: CampaignDocument,
  choices: readonly (readonly ChosenSignal[])[],
  { signals }: SignalTable,
): readonly Sampling[] {
  // By signal the entry that samples it, derived ones after those of the table.
  const sampledBy = new Int32Array(signals.length + derived.length).fill(-1);
  const placeOf = (chosen: ChosenSignal): number =>
    chosen.kind === "table" ? chosen.signal.index : signals.length + chosen.index;
  collect.forEach(({ mode }, at) => {
    if (SAMPLE_MODES.has(mode)) for (const chosen of choices[at]) sampledBy[placeOf(chosen)] = at;
  });
  return collect.flatMap((entry, at): Sampling[] => {
    if (entry.mode === "off") return [];
    const chosen = SAMPLE_MODES.has(entry.mode)
      ? choices[at].filter((one) => sampledBy[placeOf(one)] === at)
      : choices[at];
    if (entry.mode !== "aggregate") return [{ entry, aggregate: undefined, chosen }];
    return entry.of.map((aggregate) => ({ entry, aggregate, chosen }));
  });
}

type Placed = Pick<CampaignPlan, "schema" | "ownSlots"> & { readonly planned: readonly PlannedSampling[] };

function isInTable({ entry, aggregate, chosen }: Sampling): boolean {
  return isKept(entry) || (aggregate === undefined && chosen.every(({ kind }) => kind === "table"));
}

function inTable(samplings: readonly Sampling[], { id, signals, vssRelease, slots }: SignalTable): Placed {
  const planned = samplings.map(({ entry, aggregate, chosen }) => ({
    entry,
    aggregate,
    signals: chosen.map((one, at) => ({
      chosen: one,
      output: one.kind === "table" && !isKept(entry) ? one.signal.index : at,
    })),
  }));
  return { schema: { id, signals, vssRelease, slots }, ownSlots: undefined, planned };
}

function inOwnTable(samplings: readonly Sampling[], document: CampaignDocument, table: SignalTable): Placed {
  const columns: OutputColumn[] = [];
  const planned = samplings.map(({ entry, aggregate, chosen }, at) => ({
    entry,
    aggregate,
    signals: chosen.map((one, place) => {
      if (isKept(entry)) return { chosen: one, output: place };
      const output = columns.length;
      const group = groupOf(at, one, table);
      columns.push({ entry: { ...columnEntry(one, { entry, aggregate }, document), index: output }, group });
      return { chosen: one, output };
    }),
  }));
  const schema = campaignSchema(columns, MAX_SENDER_COLUMNS, vssReleaseOf(columns, table));
  return { schema, ownSlots: schema.slots, planned };
}

/** Only where a column has a VSS name does the release count in the id of the table. */
function vssReleaseOf(columns: readonly OutputColumn[], { vssRelease }: SignalTable): string | undefined {
  return columns.some(({ entry }) => entry.vss.length > 0) ? vssRelease : undefined;
}

/** What one sampling takes of one message comes in the same frames. */
function groupOf(sampling: number, chosen: ChosenSignal, { slots, messages }: SignalTable): number {
  const inSampling = chosen.kind === "table" ? slots.groupOf(chosen.signal.index) : messages.length + chosen.index;
  return sampling * 65_536 + inSampling;
}

function columnEntry(
  chosen: ChosenSignal,
  { entry, aggregate }: Pick<PlannedSampling, "entry" | "aggregate">,
  { derived }: CampaignDocument,
): SignalEntry {
  const source = chosen.kind === "table" ? chosen.signal : derivedEntry(derived[chosen.index]);
  if (aggregate === undefined) return source;
  const windowUs = entry.mode === "aggregate" && "windowMs" in entry.over ? entry.over.windowMs * 1000 : 0;
  // What says a state is left out of every aggregate.
  const marked = { ...source, aggregate, windowUs, states: undefined };
  if (KEEPS_RAW.has(aggregate)) return marked;
  return {
    ...marked,
    kind: "double",
    factor: 1,
    offset: 0,
    signed: true,
    bits: 64,
    wide: -1,
    unit: unitOf(aggregate, source),
  };
}

/** Of these one of the samples is what comes out, as it was. */
const KEEPS_RAW: ReadonlySet<AggregateKind> = new Set(["min", "max", "first", "last"]);

function unitOf(aggregate: AggregateKind, { unit }: SignalEntry): string {
  if (aggregate === "count") return "";
  if (aggregate === "integral") return unit === "" ? "s" : `${unit}*s`;
  return unit;
}

/** A derived signal as a column: of no bus and no message. */
export function derivedEntry({ name, unit, expression }: CampaignDocument["derived"][number]): SignalEntry {
  return {
    index: 0,
    bus: "",
    message: "",
    arbitrationId: 0,
    extended: false,
    name,
    unit,
    factor: 1,
    offset: 0,
    kind: "double",
    signed: true,
    bits: 64,
    pgn: undefined,
    source: undefined,
    wide: -1,
    texts: undefined,
    spn: undefined,
    vss: [],
    expression,
  };
}
