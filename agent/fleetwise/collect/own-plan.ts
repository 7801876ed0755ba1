import { createHash } from "node:crypto";
import { type CampaignDocument, campaignDocument } from "../../../config/campaign.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import type { CampaignPlan } from "../../telemetry/campaigns/plan/campaign-plan.ts";
import { planExpressions } from "../../telemetry/campaigns/plan/expression-plan.ts";
import type { KnownSignal } from "./manifest-signal.ts";

/** What a document of another cloud says in the words of a campaign. */
export type OwnDocument = {
  /** Of its id, after "fleetwise-". */
  readonly digest: string;
  readonly start?: string | undefined;
  readonly end?: string | undefined;
  readonly inputs?: Readonly<Record<string, string>>;
  /** In CEL; absent where nothing fires it. */
  readonly condition?: string | undefined;
};

/** First 16 hexadecimal digits of the SHA-256 of what a document says and its signals mean: equal ones, equal campaigns. */
export function digestWith({ id }: SignalTable, document: unknown): string {
  return createHash("sha256").update(`${id}\n`).update(JSON.stringify(document)).digest("hex").slice(0, 16);
}

/** The plan by which the campaigns engine runs an own collection of `signals`; or what is wrong with the document. */
export function ownPlan(own: OwnDocument, signals: readonly KnownSignal[], table: SignalTable): CampaignPlan | string {
  const document = documentOf(own);
  if (typeof document === "string") return document;
  const expressions = planExpressions(document, table, new Map());
  if (expressions.kind === "unfit") return expressions.problems.map(({ problem }) => problem).join("; ");
  const { id, vssRelease, slots, signals: columns } = table;
  const chosen = signals.map(({ entry }) => ({
    chosen: { kind: "table", signal: entry } as const,
    output: entry.index,
  }));
  return {
    document,
    digest: own.digest,
    schema: { id, signals: columns, vssRelease, slots },
    ownSlots: undefined,
    samplings: [{ entry: { signals: "*", mode: "every", ms: 0 }, aggregate: undefined, signals: chosen }],
    // A value counts as long as there is no newer one, as there.
    expressions: { ...expressions.plan, maxAgeMs: Number.POSITIVE_INFINITY },
    warnings: [],
  };
}

function documentOf({ digest, start, end, inputs, condition }: OwnDocument): CampaignDocument | string {
  const parsed = campaignDocument.safeParse({
    schemaVersion: 1,
    id: `fleetwise-${digest}`,
    version: 1,
    start,
    end,
    inputs,
    trigger: condition === undefined ? undefined : { condition, mode: "while" },
    collect: [{ signals: "*", mode: "every", ms: 0 }],
  });
  if (parsed.success) return parsed.data;
  return parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
}
