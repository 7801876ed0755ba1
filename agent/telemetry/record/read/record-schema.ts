import { z } from "zod";
import { AGGREGATES } from "../../../signals/signal-entry.ts";
import { campaign, campaignReport, rows, trigger } from "./campaign-schema.ts";
import { clockChange, clockQuality } from "./clock-schema.ts";
import { troubleCode, troubleCodeReport } from "./code-schema.ts";
import { health } from "./health-schema.ts";
import { histograms } from "./histogram-schema.ts";
import { dataUsage, linkChange, uploadedFile } from "./link-schema.ts";
import { programBytes, programValues } from "./program-schema.ts";
import { securityEvent } from "./security-schema.ts";
import { tunnelEvent } from "./tunnel-schema.ts";
import { fenceEvent, privacyChange, trip, vehicleStateChange, wake } from "./vehicle-schema.ts";
import { busCount, count, integer, position, stream } from "./wire-fields.ts";

/** Long arrays are checked in one pass; a schema for each element would make a result object for each. */
const bigints = z.custom<readonly bigint[]>(
  (value) => Array.isArray(value) && value.every((item) => typeof item === "bigint"),
);
/** `z.number()` refuses NaN and infinities, which a float signal may well hold. */
const numbers = z.custom<readonly number[]>(
  (value) => Array.isArray(value) && value.every((item) => typeof item === "number"),
);

/** What samples have in either form. */
const samplesHeader = z.object({
  table: z.string().min(1),
  base_time_us: integer,
  time_unit_us: z.int().min(1).max(1_000_000),
  buses: z.array(busCount),
  campaign: campaign.nullable(),
  trigger: count,
});

const samples = samplesHeader.extend({
  axes: z.array(z.object({ deltas: bigints })),
  columns: z.array(
    z.object({
      signal: z.int().min(0),
      axis: z.int().min(0),
      raws: bigints,
      floats: numbers,
      doubles: numbers,
      source: z.int().min(0).max(255).optional(),
      destination: z.int().min(0).max(255).optional(),
    }),
  ),
});

const COLUMN_KINDS = ["COLUMN_KIND_INTEGER", "COLUMN_KIND_FLOAT", "COLUMN_KIND_DOUBLE"] as const;
/** In one pass as well: a fault for each element of a record that is wrong all over would be gigabytes of them. */
const columnKinds = z.custom<readonly (typeof COLUMN_KINDS)[number][]>(
  (value) => Array.isArray(value) && value.every((item) => COLUMN_KINDS.some((kind) => kind === item)),
);
/** An address and one more, 0 for none. */
const addresses = z.custom<readonly number[]>(
  (value) => Array.isArray(value) && value.every((item) => typeof item === "number" && item <= 256),
);

const packedSamples = samplesHeader.extend({
  counts: numbers,
  starts: bigints,
  steps: bigints,
  signals: numbers,
  axes: numbers,
  kinds: columnKinds,
  firsts: bigints,
  deltas: bigints,
  floats: numbers,
  doubles: numbers,
  sources: addresses,
  destinations: addresses,
});

const KINDS = { SIGNAL_KIND_INTEGER: "integer", SIGNAL_KIND_FLOAT: "float", SIGNAL_KIND_DOUBLE: "double" } as const;
const kind = z
  .enum(["SIGNAL_KIND_INTEGER", "SIGNAL_KIND_FLOAT", "SIGNAL_KIND_DOUBLE"])
  .transform((name) => KINDS[name]);

/** "AGGREGATE_MEAN" is "mean"; "AGGREGATE_NONE", which all signals of the vehicle's own table have, is undefined. */
const aggregate = z.string().transform((name, context) => {
  const found = AGGREGATES.find((known) => name === `AGGREGATE_${known.toUpperCase()}`);
  if (found === undefined && name !== "AGGREGATE_NONE") context.addIssue({ code: "custom", message: "is not known" });
  return found;
});

const valueText = z.object({ raw: z.bigint(), text: z.string() });

const vssName = z.object({
  path: z.string().min(1),
  unit: z.string(),
  factor: z.number().optional(),
  offset: z.number().optional(),
  values: z.array(valueText),
  expression: z.string(),
});

const STATES = { SIGNAL_STATE_NOT_AVAILABLE: "not available", SIGNAL_STATE_ERROR: "error" } as const;

const stateRange = z.object({
  state: z.enum(["SIGNAL_STATE_NOT_AVAILABLE", "SIGNAL_STATE_ERROR"]).transform((name) => STATES[name]),
  first: z.int().min(0),
  last: z.int().min(0),
});

const table = z.object({
  id: z.string().min(1),
  total: z.int().min(0),
  vss_release: z.string(),
  more_texts: z.array(z.object({ signal: z.int().min(0), value_texts: z.array(valueText), vss: z.array(vssName) })),
  signals: z.array(
    z.object({
      index: z.int().min(0),
      bus: z.string(),
      message: z.string(),
      arbitration_id: z.int().min(0),
      extended: z.boolean(),
      name: z.string(),
      unit: z.string(),
      factor: z.number(),
      offset: z.number(),
      kind,
      is_signed: z.boolean(),
      bits: z.int().min(1).max(64),
      pgn: z.int().min(0).max(0x3ffff).optional(),
      spn: z.int().min(0).max(0x7ffff).optional(),
      value_texts: z.array(valueText),
      vss: z.array(vssName),
      aggregate,
      window_us: count,
      expression: z.string(),
      ranges: z.array(stateRange),
    }),
  ),
});

const REASONS = {
  LOSS_REASON_EVICTED: "evicted",
  LOSS_REASON_EXPIRED: "expired",
  LOSS_REASON_REJECTED: "rejected",
  LOSS_REASON_DAMAGED: "damaged",
  LOSS_REASON_DROPPED: "dropped",
  LOSS_REASON_THINNED: "thinned",
} as const;

const loss = z.object({
  epoch: position,
  stream,
  first: position,
  last: position,
  reason: z
    .enum([
      "LOSS_REASON_EVICTED",
      "LOSS_REASON_EXPIRED",
      "LOSS_REASON_REJECTED",
      "LOSS_REASON_DAMAGED",
      "LOSS_REASON_DROPPED",
      "LOSS_REASON_THINNED",
    ])
    .transform((name) => REASONS[name]),
  detail: z.string(),
  thinning: z.int().min(0),
  kept_first: count,
  kept_last: count,
});

const thinned = z.object({ ratio: z.int().min(2), seqs: bigints });

const busEvent = z.object({
  count: busCount,
  state: z.enum(["up", "down", "absent", "error-passive", "bus-off"]),
  detail: z.string(),
  time_us: integer,
});

const frames = z.object({
  capture: z.string(),
  bus: z.string(),
  base_time_us: integer,
  deltas: bigints,
  ids: numbers,
  flags: numbers,
  lengths: numbers,
  data: z.instanceof(Uint8Array),
  campaign: campaign.nullable(),
  trigger: count,
});

const file = z.object({
  name: z.string().min(1),
  sha256: z.string().length(64),
  part: z.int().min(0),
  parts: z.int().min(1),
  content: z.instanceof(Uint8Array),
});

const audit = z.object({ number: position, previous: z.string(), digest: z.string(), entry: z.string() });

const updatePhase = z.object({
  number: position,
  repeated: z.boolean(),
  digest: z.string(),
  component: z.string(),
  version_from: z.string(),
  version_to: z.string(),
  phase: z.string().min(1),
  reason: z.string(),
  detail: z.string(),
  job: z.string(),
  execution: z.int().min(0),
  bytes: count,
  total_bytes: count,
  percent: z.int().min(0),
  time_us: integer,
});

const notice = z.object({ event: z.string().min(1), detail: z.string(), time_us: integer });

/** A `causeway.v1.Record` as protobufjs gives it (`RECORD_CONVERSION`), with every field checked and 64-bit counts as numbers. */
export const wireRecord = z.object({
  thing: z.string().min(1),
  epoch: position,
  stream,
  seq: position,
  boot_id: z.string(),
  anchor: z.object({
    monotonic_us: integer,
    wall_us: integer,
    suspended_us: count,
    quality: clockQuality,
  }),
  // Absent is null where a message is neither optional nor in the oneof.
  thinned: thinned.nullable(),
  samples: samples.optional(),
  packed_samples: packedSamples.optional(),
  table: table.optional(),
  loss: loss.optional(),
  bus_event: busEvent.optional(),
  frames: frames.optional(),
  file: file.optional(),
  trigger: trigger.optional(),
  rows: rows.optional(),
  histograms: histograms.optional(),
  audit: audit.optional(),
  update_phase: updatePhase.optional(),
  notice: notice.optional(),
  campaign_report: campaignReport.optional(),
  trouble_code: troubleCode.optional(),
  trouble_code_report: troubleCodeReport.optional(),
  clock_change: clockChange.optional(),
  vehicle_state_change: vehicleStateChange.optional(),
  trip: trip.optional(),
  wake: wake.optional(),
  fence_event: fenceEvent.optional(),
  privacy_change: privacyChange.optional(),
  link_change: linkChange.optional(),
  data_usage: dataUsage.optional(),
  program_values: programValues.optional(),
  program_bytes: programBytes.optional(),
  security_event: securityEvent.optional(),
  uploaded_file: uploadedFile.optional(),
  tunnel_event: tunnelEvent.optional(),
  health: health.optional(),
});

/** How protobufjs must convert a message for `wireRecord`; fields that are absent get their proto3 defaults. */
export const RECORD_CONVERSION = { longs: BigInt, enums: String, arrays: true, defaults: true } as const;

export type WireRecord = z.infer<typeof wireRecord>;
