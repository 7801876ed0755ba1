import { z } from "zod";
import { type ConditionNode, readCondition } from "./condition-node.ts";
import { problemOf, type Read, type Refusal, shownId, shownIds, signalId, syncId, time } from "./document.ts";

/** Most schemes of a list (as FWE: conditions that are active at a time). */
const MAX_SCHEMES = 256;
/** Most signals of a scheme: as many as a campaign of ours names. */
const MAX_SIGNALS = 4096;
/** Most samples of a signal that are kept for the time of a trigger. */
const MAX_SAMPLES = 1_000_000;

/** A signal of a scheme. */
export type SchemeSignal = {
  readonly id: number;
  /** Newest samples that are sent at a trigger, from before it too: 1 or more. */
  readonly bufferSize: number;
  /** Least time between two samples, ms; 0 takes every one. */
  readonly minPeriodMs: number;
  /** Length of the windows that the condition asks for, ms; 0: none. */
  readonly windowMs: number;
  /** Read by the condition, and not sent. */
  readonly conditionOnly: boolean;
};

/** When a scheme collects. */
export type SchemeTrigger =
  | { readonly kind: "time"; readonly periodMs: number }
  | {
      readonly kind: "condition";
      readonly condition: ConditionNode;
      readonly minIntervalMs: number;
      /** Only when it becomes true; otherwise for as long as it is, each time that the interval has passed. */
      readonly risingEdge: boolean;
    };

/** What is collected, when, and how it is sent. Times are ms since the Unix epoch, the latest the end of the year 9999. */
export type CollectionScheme = {
  readonly syncId: string;
  readonly manifestSyncId: string;
  readonly startMs: number;
  readonly expiryMs: number;
  readonly trigger: SchemeTrigger;
  /** From the trigger until the samples are taken, ms. */
  readonly afterMs: number;
  /** Raw snappy. */
  readonly compress: boolean;
  /** Trouble codes that are active are sent with each event. */
  readonly includesCodes: boolean;
  /** The smallest first. */
  readonly priority: number;
  readonly signals: readonly SchemeSignal[];
  /** What it asks for that is not done, one sentence each. */
  readonly remarks: readonly string[];
};

/** All schemes that count from now on; those that are not among them do not any more. */
export type CollectionSchemes = {
  readonly schemes: readonly CollectionScheme[];
  readonly refused: readonly Refusal[];
};

const wireList = z.object({
  collection_schemes: z.array(z.instanceof(Uint8Array)),
});

const wireSignal = z.object({
  signal_id: signalId,
  sample_buffer_size: z.int().min(1).max(MAX_SAMPLES),
  minimum_sample_period_ms: z.int(),
  fixed_window_period_ms: z.int(),
  condition_only_signal: z.boolean(),
  signal_path: z.object({ signal_path: z.array(z.int()) }).nullish(),
});
type WireSignal = z.infer<typeof wireSignal>;

const wireScheme = z.object({
  campaign_sync_id: syncId,
  decoder_manifest_sync_id: syncId,
  start_time_ms_epoch: time,
  expiry_time_ms_epoch: time,
  time_based: z.object({ period_ms: z.int().min(1, "must be 1 ms or more") }).optional(),
  condition_based: z
    .object({
      condition_minimum_interval_ms: z.int(),
      condition_tree: z.unknown(),
      condition_trigger_mode: z.int().max(1, "is not known"),
    })
    .optional(),
  after_duration_ms: z.int(),
  include_active_dtcs: z.boolean(),
  signal_information: z.array(wireSignal).max(MAX_SIGNALS),
  compress_collected_data: z.boolean(),
  priority: z.int(),
  store_and_forward_configuration: z.object({ partition_configuration: z.array(z.unknown()) }).nullish(),
  signal_fetch_information: z.array(z.object({ signal_id: z.int() })),
});
type WireScheme = z.infer<typeof wireScheme>;

/** Reads a list whose schemes are still bytes, each by `decode`. */
export function readSchemes(message: unknown, decode: (bytes: Uint8Array) => Read<unknown>): Read<CollectionSchemes> {
  const parsed = wireList.safeParse(message);
  if (!parsed.success) return { kind: "unreadable", problem: problemOf(parsed.error) };
  const { collection_schemes: entries } = parsed.data;
  const schemes = new Map<string, CollectionScheme>();
  const refused: Refusal[] = [];
  for (const [at, bytes] of entries.entries()) {
    const read = readScheme(decode(bytes), at);
    if ("problem" in read) refused.push(read);
    else if (schemes.has(read.syncId)) refused.push(refusal(read.syncId, "is there twice"));
    else if (schemes.size >= MAX_SCHEMES) refused.push(refusal(read.syncId, `is one of more than ${MAX_SCHEMES}`));
    else schemes.set(read.syncId, read);
  }
  return { kind: "read", document: { schemes: [...schemes.values()], refused } };
}

function readScheme(decoded: Read<unknown>, at: number): CollectionScheme | Refusal {
  const place = `at place ${at + 1}`;
  if (decoded.kind === "unreadable") return refusal(place, decoded.problem);
  const parsed = wireScheme.safeParse(decoded.document);
  if (!parsed.success) return refusal(nameOf(decoded.document) ?? place, problemOf(parsed.error));
  const wire = parsed.data;
  const name = wire.campaign_sync_id;
  if (wire.expiry_time_ms_epoch < wire.start_time_ms_epoch) return refusal(name, "expires before it starts");
  const trigger = triggerOf(wire);
  return typeof trigger === "string" ? refusal(name, trigger) : schemeOf(wire, trigger);
}

function refusal(name: string, problem: string): Refusal {
  return { entry: `scheme ${shownId(name)}`, problem };
}

function nameOf(message: unknown): string | undefined {
  const id = z.object({ campaign_sync_id: z.string().min(1) }).safeParse(message);
  return id.data?.campaign_sync_id;
}

/** The trigger, or why there is none. */
function triggerOf({ time_based: time, condition_based: condition }: WireScheme): SchemeTrigger | string {
  if (time !== undefined) return { kind: "time", periodMs: time.period_ms };
  if (condition === undefined) return "is neither time based nor condition based";
  const read = readCondition(condition.condition_tree);
  if (read.kind === "unfit") return `its condition ${read.problem}`;
  return {
    kind: "condition",
    condition: read.node,
    minIntervalMs: condition.condition_minimum_interval_ms,
    risingEdge: condition.condition_trigger_mode === 1,
  };
}

function schemeOf(wire: WireScheme, trigger: SchemeTrigger): CollectionScheme {
  const plain = wire.signal_information.filter((signal) => !isPart(signal));
  return {
    syncId: wire.campaign_sync_id,
    manifestSyncId: wire.decoder_manifest_sync_id,
    startMs: wire.start_time_ms_epoch,
    expiryMs: wire.expiry_time_ms_epoch,
    trigger,
    afterMs: wire.after_duration_ms,
    compress: wire.compress_collected_data,
    includesCodes: wire.include_active_dtcs,
    priority: wire.priority,
    signals: plain.map((signal) => ({
      id: signal.signal_id,
      bufferSize: signal.sample_buffer_size,
      minPeriodMs: signal.minimum_sample_period_ms,
      windowMs: signal.fixed_window_period_ms,
      conditionOnly: signal.condition_only_signal,
    })),
    remarks: remarksOn(wire),
  };
}

/** A part of a complex signal. */
function isPart({ signal_path: path }: WireSignal): boolean {
  return (path?.signal_path.length ?? 0) > 0;
}

function remarksOn(wire: WireScheme): readonly string[] {
  const parts = wire.signal_information.filter(isPart).map(({ signal_id }) => signal_id);
  const fetched = wire.signal_fetch_information.map(({ signal_id }) => signal_id);
  const partitions = wire.store_and_forward_configuration?.partition_configuration.length ?? 0;
  return [
    ...(parts.length > 0 ? [`parts of complex signals are not collected: ${shownIds(parts)}`] : []),
    ...(fetched.length > 0
      ? [`nothing is fetched for signals ${shownIds(fetched)}: this agent has no such functions`]
      : []),
    ...(partitions > 0 ? ["partitions are sent as they come: the outbox of the agent stores for all of them"] : []),
  ];
}
