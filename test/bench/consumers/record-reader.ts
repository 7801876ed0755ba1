import { gunzipSync, zstdDecompressSync } from "node:zlib";
import protobuf from "protobufjs";
// Adds Root.fromDescriptor.
import "protobufjs/ext/descriptor.js";
import { z } from "zod";
import { packedLists, unpackLists } from "./packed-samples.ts";

const NUMBER_MODULUS_BITS = 64;

/** A value that may be not a number, or infinite. */
const double = z.custom<number>((value) => typeof value === "number");

const signalSchema = z.object({
  index: z.number(),
  bus: z.string(),
  message: z.string(),
  arbitrationId: z.number(),
  extended: z.boolean(),
  name: z.string(),
  unit: z.string(),
  factor: z.number(),
  offset: z.number(),
  kind: z.enum(["SIGNAL_KIND_INTEGER", "SIGNAL_KIND_FLOAT", "SIGNAL_KIND_DOUBLE"]),
  isSigned: z.boolean(),
  bits: z.number(),
  aggregate: z.string(),
  windowUs: z.bigint().transform(Number),
  expression: z.string(),
});

const columnSchema = z.object({
  signal: z.number(),
  axis: z.number(),
  raws: z.array(z.bigint()),
  floats: z.array(double),
  doubles: z.array(double),
});

const campaignSchema = z.object({ id: z.string(), version: z.number(), digest: z.string() });

const rowSchema = z.object({
  name: z.string(),
  bus: z.string(),
  number: double,
  exact: z.string().optional(),
  unit: z.string(),
  timeUs: z.bigint(),
  aggregate: z.string(),
  windowUs: z.bigint(),
});

const triggerSchema = z.object({
  campaign: campaignSchema.nullable(),
  number: z.bigint().transform(Number),
  phase: z.string(),
  timeUs: z.bigint().transform(Number),
  values: z.array(
    z.object({
      name: z.string(),
      number: double.optional(),
      flag: z.boolean().optional(),
      text: z.string().optional(),
    }),
  ),
  beforeMs: z.bigint().transform(Number),
  afterMs: z.bigint().transform(Number),
  historyMs: z.bigint().transform(Number),
  clockStepped: z.boolean(),
  spansStop: z.boolean(),
  marksUs: z.array(z.bigint().transform(Number)),
  marksDropped: z.number(),
  frames: z.bigint().transform(Number),
  framesLost: z.bigint().transform(Number),
  samplesDiscarded: z.bigint().transform(Number),
  byHand: z.boolean(),
});

const framesSchema = z.object({
  bus: z.string(),
  baseTimeUs: z.bigint().transform(Number),
  deltas: z.array(z.bigint().transform(Number)),
  ids: z.array(z.number()),
  flags: z.array(z.number()),
  lengths: z.array(z.number()),
  data: z.instanceof(Uint8Array),
  campaign: campaignSchema.nullable(),
  trigger: z.bigint().transform(Number),
});

const histogramSchema = z.object({
  axes: z.array(z.object({ bus: z.string(), message: z.string(), name: z.string(), edges: z.array(double) })),
  kind: z.string(),
  by: z.string(),
  fromUs: z.bigint().transform(Number),
  toUs: z.bigint().transform(Number),
  totalCells: z.number(),
  firstCell: z.number(),
  cells: z.array(z.bigint().transform(Number)),
  states: z.array(double),
});

/** A phase of an update, as its record has it (config/proto/telemetry.proto). */
export const wireUpdatePhase = z.object({
  number: z.bigint(),
  repeated: z.boolean(),
  component: z.string(),
  versionFrom: z.string(),
  versionTo: z.string(),
  phase: z.string(),
  reason: z.string(),
  detail: z.string(),
  job: z.string(),
  bytes: z.bigint(),
  totalBytes: z.bigint(),
  percent: z.number(),
});

/** What a trouble code did, as its record has it. */
const wireTroubleCode = z.object({
  number: z.bigint().transform(Number),
  repeated: z.boolean(),
  event: z.string(),
  code: z.object({
    bus: z.string(),
    ecu: z.string(),
    code: z.string(),
    confirmed: z.boolean(),
    freeze: z.array(z.object({ name: z.string() })),
  }),
  timeUs: z.bigint().transform(Number),
  cleared: z.array(z.string()),
});
export type WireTroubleCode = z.infer<typeof wireTroubleCode>;

/** A change of the vehicle's state, as its record has it. */
const vehicleStateSchema = z.object({
  number: z.bigint().transform(Number),
  repeated: z.boolean(),
  state: z.string(),
  before: z.string(),
  timeUs: z.bigint().transform(Number),
});
export type WireVehicleState = z.infer<typeof vehicleStateSchema>;

/** The begin or the end of a trip. */
const tripSchema = z.object({
  number: z.bigint().transform(Number),
  repeated: z.boolean(),
  trip: z.bigint().transform(Number),
  phase: z.string(),
  timeUs: z.bigint().transform(Number),
  lastedMs: z.bigint().optional(),
  interrupted: z.boolean(),
  odometerKm: double.optional(),
});
export type WireTrip = z.infer<typeof tripSchema>;

/** A wake of the vehicle, as its record has it. */
const wakeSchema = z.object({
  number: z.bigint().transform(Number),
  timeUs: z.bigint().transform(Number),
  cause: z.string(),
  checkIn: z.boolean(),
  suspendedMs: z.bigint().transform(Number),
});
export type WireWake = z.infer<typeof wakeSchema>;

/** A change of what the wall clock is worth. */
const clockChangeSchema = z.object({
  after: z.object({ quality: z.string() }),
  stepUs: z.bigint().transform(Number),
  wallUs: z.bigint().transform(Number),
  reason: z.string(),
});

/** What went over links in a day that is over. */
const dataUsageSchema = z.object({
  day: z.number().optional(),
  usage: z.array(z.object({ link: z.string(), use: z.string(), dayBytes: z.bigint().transform(Number) })),
  timeUs: z.bigint().transform(Number),
});
export type WireDataUsage = z.infer<typeof dataUsageSchema>;

const samplesHeader = {
  table: z.string(),
  baseTimeUs: z.bigint(),
  timeUnitUs: z.number(),
  campaign: campaignSchema.nullable(),
  trigger: z.bigint(),
};

const BODIES = [
  "samples",
  "table",
  "loss",
  "busEvent",
  "frames",
  "file",
  "trigger",
  "rows",
  "histograms",
  "audit",
  "updatePhase",
  "notice",
  "campaignReport",
  "troubleCode",
  "troubleCodeReport",
  "clockChange",
  "vehicleStateChange",
  "trip",
  "wake",
  "fenceEvent",
  "privacyChange",
  "linkChange",
  "dataUsage",
  "health",
  "programValues",
  "programBytes",
  "securityEvent",
  "uploadedFile",
  "tunnelEvent",
] as const;

const recordSchema = z.object({
  thing: z.string(),
  epoch: z.bigint(),
  stream: z.string(),
  seq: z.bigint(),
  bootId: z.string().regex(/^[0-9a-f]{32}$/),
  anchor: z.object({ monotonicUs: z.bigint(), wallUs: z.bigint(), quality: z.string(), suspendedUs: z.bigint() }),
  thinned: z.object({ ratio: z.number(), seqs: z.array(z.bigint()) }).nullish(),
  // Form 2 of samples is told as form 1.
  body: z.enum(BODIES).or(z.literal("packedSamples").transform(() => "samples" as const)),
  samples: z
    .object({
      ...samplesHeader,
      axes: z.array(z.object({ deltas: z.array(z.bigint()) })),
      columns: z.array(columnSchema),
    })
    .optional(),
  packedSamples: z
    .object({ ...samplesHeader, ...packedLists.shape })
    .transform(({ table, baseTimeUs, timeUnitUs, campaign, trigger, ...lists }) => {
      return { table, baseTimeUs, timeUnitUs, campaign, trigger, ...unpackLists(lists) };
    })
    .optional(),
  rows: z.object({ campaign: campaignSchema.nullable(), trigger: z.bigint(), rows: z.array(rowSchema) }).optional(),
  table: z.object({ id: z.string(), total: z.number(), signals: z.array(signalSchema) }).optional(),
  loss: z
    .object({
      epoch: z.bigint(),
      stream: z.string(),
      first: z.bigint(),
      last: z.bigint(),
      reason: z.string(),
      keptFirst: z.bigint(),
      keptLast: z.bigint(),
    })
    .optional(),
  updatePhase: wireUpdatePhase.optional(),
  troubleCode: wireTroubleCode.optional(),
  notice: z.object({ event: z.string() }).optional(),
  vehicleStateChange: vehicleStateSchema.optional(),
  trip: tripSchema.optional(),
  wake: wakeSchema.optional(),
  clockChange: clockChangeSchema.optional(),
  dataUsage: dataUsageSchema.optional(),
  uploadedFile: z.object({ location: z.string(), sha256: z.string() }).optional(),
  fenceEvent: z
    .object({
      number: z.bigint().transform(Number),
      name: z.string(),
      transition: z.string(),
      timeUs: z.bigint().transform(Number),
    })
    .optional(),
  privacyChange: z.object({ number: z.bigint().transform(Number), private: z.boolean(), by: z.string() }).optional(),
  trigger: triggerSchema.optional(),
  frames: framesSchema.optional(),
  histograms: z.object({ campaign: campaignSchema.nullable(), histograms: z.array(histogramSchema) }).optional(),
});

/** One record as the descriptor describes it; 64-bit fields as bigint, so that nothing is rounded on the way to the check. */
export type WireRecord = Omit<z.infer<typeof recordSchema>, "packedSamples">;
/** One row of a signal table, as delivered. */
export type WireSignal = z.infer<typeof signalSchema>;
/** Samples of one record, still as columns of deltas. */
export type WireSamples = NonNullable<WireRecord["samples"]>;
type WireColumn = WireSamples["columns"][number];
export type WireCampaign = z.infer<typeof campaignSchema>;
/** Samples of one record with their names. */
export type WireRows = NonNullable<WireRecord["rows"]>;
/** The trigger of a campaign, begun or ended. */
export type WireTrigger = z.infer<typeof triggerSchema>;
/** Frames of a capture, column by column. */
export type WireFrames = z.infer<typeof framesSchema>;
/** Cells of one signal or two, or a part of them. */
export type WireHistogram = z.infer<typeof histogramSchema>;
/** Reads a payload, in the encoding and of the content type that the properties of its message give. */
export type ReadRecord = (payload: Uint8Array, encoding: string, contentType: string | undefined) => WireRecord;

/** Content type of a record in the JSON form of protobuf. */
export const JSON_TYPE = "application/json";

/** Gives a reader of payloads, made from a FileDescriptorSet alone. The reader throws for anything that is not a `causeway.v1.Record`. */
export function createRecordReader(descriptor: Uint8Array): ReadRecord {
  const recordType = protobuf.Root.fromDescriptor(descriptor).lookupType("causeway.v1.Record");
  return (payload, encoding, contentType) => {
    const bytes = inflate(payload, encoding);
    const message = contentType === JSON_TYPE ? recordType.fromObject(jsonOf(bytes)) : recordType.decode(bytes);
    const plain: unknown = recordType.toObject(message, {
      longs: BigInt,
      enums: String,
      arrays: true,
      defaults: true,
      oneofs: true,
    });
    const { packedSamples, ...record } = recordSchema.parse(plain);
    return { ...record, samples: packedSamples ?? record.samples };
  };
}

/** Sample times of one axis, µs since the Unix epoch. */
export function timesOf(samples: WireSamples, axis: number): readonly number[] {
  let time = samples.baseTimeUs;
  return (samples.axes[axis]?.deltas ?? []).map((delta) => {
    time += delta * BigInt(samples.timeUnitUs);
    return Number(time);
  });
}

/** Raw values of one column: numbers, or bigints where a float64 would round. */
export function valuesOf(column: WireColumn, signal: WireSignal): readonly (number | bigint)[] {
  if (signal.kind === "SIGNAL_KIND_FLOAT") return column.floats;
  if (signal.kind === "SIGNAL_KIND_DOUBLE") return column.doubles;
  let raw = 0n;
  return column.raws.map((delta) => {
    raw += delta;
    const wrapped = signal.isSigned
      ? BigInt.asIntN(NUMBER_MODULUS_BITS, raw)
      : BigInt.asUintN(NUMBER_MODULUS_BITS, raw);
    return signal.bits > 53 ? wrapped : Number(wrapped);
  });
}

function jsonOf(bytes: Uint8Array): Record<string, unknown> {
  return z.record(z.string(), z.unknown()).parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
}

function inflate(payload: Uint8Array, encoding: string): Uint8Array {
  switch (encoding) {
    case "identity":
      return payload;
    case "gzip":
      return gunzipSync(payload);
    case "zstd":
      return zstdDecompressSync(payload);
    default:
      throw new Error(`unknown encoding ${encoding}`);
  }
}
