import { readDesired } from "../../../agent/telemetry/campaigns/arrival/desired-campaigns.ts";
import { type CampaignDocument, campaignDocument } from "../../../config/campaign.ts";
import { readCampaignText } from "../../../config/campaign-text.ts";
import { seededRandom } from "../core/seeded-random.ts";
import { CampaignGrammar, Dice, type Json } from "./campaign-grammar.ts";
import { mutateDocument, mutateText } from "./campaign-mutations.ts";
import { heavyTexts, yamlOf } from "./campaign-texts.ts";
import { benchTable, campaignVehicle, isPlace } from "./campaign-vehicle.ts";

/** What became of the documents of a run. */
export type CampaignFuzzOutcome = {
  readonly documents: number;
  /** Of these as many could not be read, did not fit the vehicle, or ran. */
  readonly unread: number;
  readonly refused: number;
  readonly accepted: number;
  /** Accepted ones that were started, fed with frames and stopped, and the records that they made. */
  readonly driven: number;
  readonly records: number;
  /** Most processor time that one document took to be read, judged and put to use or refused, ms; and that one took to run. */
  readonly slowest: { readonly ms: number; readonly text: string };
  readonly slowestDriveMs: number;
  /** What went wrong, the first hundred. */
  readonly failures: readonly string[];
};

export type CampaignFuzzSettings = {
  readonly count: number;
  readonly seed: number;
  /** One of so many accepted documents is fed with frames. */
  readonly driveOneOf: number;
  /** Told after so many documents. */
  readonly progress?: { readonly every: number; readonly tell: (made: number, failed: number) => void };
};

/** What became of one document. */
type Verdict = {
  readonly kind: "unread" | "refused" | "accepted";
  readonly failure?: string;
  readonly document?: CampaignDocument;
};

/** Documents at random, as they come from files and from the cloud, to a vehicle that collects. */
export async function fuzzCampaigns({
  count,
  seed,
  driveOneOf,
  progress,
}: CampaignFuzzSettings): Promise<CampaignFuzzOutcome> {
  const dice = new Dice(seededRandom(seed));
  const table = benchTable();
  const grammar = new CampaignGrammar(dice, table);
  const counts = { unread: 0, refused: 0, accepted: 0 };
  const failures: string[] = [];
  const fail = (text: string, what: string): void => {
    if (failures.length < 100) failures.push(`${what}\n${text.slice(0, 2000)}`);
  };
  let [driven, records, slowestDriveMs] = [0, 0, 0];
  let slowest = { ms: 0, text: "" };
  let vehicle = await campaignVehicle(table, dice);
  for (let made = 0; made < count; made++) {
    if (progress !== undefined && made % progress.every === 0) progress.tell(made, failures.length);
    const source = sourceOf(grammar, dice);
    const start = process.threadCpuUsage();
    const { kind, failure, document } = tried(() => judged(source, vehicle));
    const ms = msSince(start);
    counts[kind] += 1;
    if (ms > slowest.ms && made > 200) slowest = { ms, text: source.text.slice(0, 2000) };
    if (failure !== undefined) fail(source.text, failure);
    if (document === undefined || counts.accepted % driveOneOf !== 0) continue;
    const driveStart = process.threadCpuUsage();
    try {
      for (const reason of vehicle.offer(document)) fail(source.text, reason);
      records += vehicle.drive(document.id, 200);
      driven += 1;
    } catch (thrown) {
      fail(source.text, `while it ran: ${stackOf(thrown)}`);
      vehicle = await campaignVehicle(table, dice);
    }
    slowestDriveMs = Math.max(slowestDriveMs, msSince(driveStart));
    if (driven % 100 !== 99) continue;
    vehicle.stop();
    vehicle = await campaignVehicle(table, dice);
  }
  return { documents: count, ...counts, driven, records, slowest, slowestDriveMs, failures };
}

type Source = { readonly way: "yaml" | "json"; readonly text: string; readonly value: { [key: string]: Json } };

function sourceOf(grammar: CampaignGrammar, dice: Dice): Source {
  const document = grammar.document(dice.chance(0.02) ? "default" : `c${dice.below(1000)}`);
  const isMutated = dice.chance(0.5);
  if (isMutated) mutateDocument(document, dice);
  if (dice.chance(0.7)) return { way: "json", text: JSON.stringify(document), value: document };
  const yaml = yamlOf(document);
  return { way: "yaml", text: dice.chance(isMutated ? 0.3 : 0.6) ? mutateText(yaml, dice) : yaml, value: document };
}

type Vehicle = Awaited<ReturnType<typeof campaignVehicle>>;

function judged(source: Source, vehicle: Vehicle): Verdict {
  const read = source.way === "yaml" ? readYaml(source.text) : readJson(source.value);
  if ("kind" in read) return read;
  if (vehicle.tried(read.document).length === 0) return { kind: "accepted", document: read.document };
  const reasons = vehicle.offer(read.document);
  const half = reasons.find((reason) => reason.startsWith("HALF"));
  if (half !== undefined) return { kind: "refused", failure: half };
  const failure = reasons.some((reason) => reason === "" || reason.length > 20_000)
    ? `reason: ${reasons[0]}`
    : undefined;
  return { kind: "refused", ...failureOf(failure ?? vehicle.misplaced(read.document)) };
}

const NAME = "fuzz.yaml";
const LINE = new RegExp(`^${NAME}:(\\d+):(\\d+) `);

/** Each problem of a text must stand at a place in it. */
function readYaml(text: string): Verdict | { readonly document: CampaignDocument } {
  const read = readCampaignText(text, NAME);
  if (typeof read !== "string") return { document: read };
  if (read.length > 20_000) return { kind: "unread", failure: `${read.length} characters: ${read.slice(0, 500)}` };
  const lines = text.split("\n");
  const stray = read.split(`\n${NAME}`).find((problem, at) => {
    const [, line, column] = LINE.exec(at === 0 ? problem : `${NAME}${problem}`) ?? [];
    return (
      line === undefined || Number(line) > lines.length || Number(column) > (lines[Number(line) - 1]?.length ?? 0) + 1
    );
  });
  return stray === undefined ? { kind: "unread" } : { kind: "unread", failure: `no place: ${stray}` };
}

/** As the list of the cloud has it. */
function readJson(value: { [key: string]: Json }): Verdict | { readonly document: CampaignDocument } {
  const id = typeof value.id === "string" ? value.id : "none";
  const list = readDesired(Object.fromEntries([[id, value]]));
  const found = typeof list === "string" ? undefined : list.get(id);
  if (found?.kind === "document") return { document: found.document };
  if (found?.kind === "awaited") return { kind: "unread", failure: "taken for a document that is awaited" };
  const parsed = campaignDocument.safeParse(value);
  const stray = parsed.error?.issues.find(({ path }) => !isPlace(value, path));
  return stray === undefined ? { kind: "unread" } : { kind: "unread", failure: `no place: ${stray.path.join(".")}` };
}

function failureOf(failure: string | undefined): Pick<Verdict, "failure"> {
  return failure === undefined ? {} : { failure };
}

function tried(act: () => Verdict): Verdict {
  try {
    return act();
  } catch (thrown) {
    return { kind: "unread", failure: stackOf(thrown) };
  }
}

function stackOf(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.stack?.split("\n").slice(0, 6).join("\n")}` : String(thrown);
}

/** Of the processor, since other processes may take it away for longer than any document does. */
function msSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / 1000;
}

/** What became of one of `heavyTexts`, and the processor time that it took, ms. */
export type HeavyVerdict = {
  readonly name: string;
  readonly verdict: Verdict;
  readonly ms: number;
  readonly driveMs: number;
};

/** Offers `heavyTexts` one after the other, or those of `names`. */
export async function weighHeavyTexts(names?: ReadonlySet<string>): Promise<readonly HeavyVerdict[]> {
  const vehicle = await campaignVehicle(benchTable(), new Dice(seededRandom(1)));
  const texts = [...heavyTexts()].filter(([name]) => names === undefined || names.has(name));
  return texts.map(([name, text]) => {
    const start = process.threadCpuUsage();
    const verdict = tried(() => judged({ way: "yaml", text, value: {} }, vehicle));
    const ms = msSince(start);
    const driveStart = process.threadCpuUsage();
    if (verdict.document !== undefined) vehicle.offer(verdict.document);
    if (verdict.document !== undefined) vehicle.drive(verdict.document.id, 200);
    return { name, verdict, ms, driveMs: msSince(driveStart) };
  });
}
