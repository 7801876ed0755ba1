import { z } from "zod";
import { busName } from "./fields.ts";
import { signalName } from "./signal-name.ts";

const DAY_MS = 86_400_000;
/** More than `collect.rules` has, which stand for a campaign. */
const MAX_ENTRIES = 1024;
/** Names of signals in all entries of a document together, and of these such with '*': each goes through the whole signal table. */
const MAX_NAMES = 4096;
const MAX_PATTERNS = 1024;
const MAX_INPUTS = 256;

const name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, "must begin with a letter and have at most 64 letters, digits, '_' or '-'");
const variable = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9_]{0,63}$/, "must begin with a letter and have letters, digits and '_'");
const expression = z.string().min(1).max(2000).describe("CEL over inputs and derived signals");
const moment = z.iso.datetime({ offset: true }).describe("date and time with its zone (RFC 3339)");
const windowMs = z.int().min(10).max(DAY_MS).describe("windows are whole multiples of it since the Unix epoch");

const pattern = z
  .string()
  .min(1)
  .max(256)
  .describe(
    "MESSAGE.SIGNAL, BUS/MESSAGE.SIGNAL, MESSAGE@0xID.SIGNAL, BUS/MESSAGE@0xID.SIGNAL, a VSS path or the name of a derived signal; '*' matches any run of characters",
  );
/** Signals by their names, or by patterns of them. */
export const signalPatterns = z.union([pattern, z.array(pattern).min(1).max(1000)]);
const signals = signalPatterns;

/** Over which time an aggregate goes: windows, or a trip. */
const span = z.union([z.strictObject({ windowMs }), z.strictObject({ per: z.literal("trip") })]);

const edges = z
  .array(z.number())
  .min(1)
  .max(256)
  .refine((list) => list.every((edge, at) => at === 0 || edge > list[at - 1]), "must rise from one to the next")
  .describe("edges of the bins in the unit of the signal; what is below the first and from the last on has a cell too");

const kept = {
  per: z.literal("trip").optional().describe("sent and set to zero at the end of each trip"),
  everyHours: z.number().min(0.01).max(720).default(24).describe("sent and set to zero after this time"),
};

const deadband = z.union([
  z.strictObject({ absolute: z.number().positive().describe("in the unit of the signal") }),
  z.strictObject({ percent: z.number().positive().max(1000).describe("of the value that was taken last") }),
]);

/** What is taken of the signals that an entry names. */
const collectEntry = z.discriminatedUnion("mode", [
  z.strictObject({ signals, mode: z.literal("off") }),
  z.strictObject({
    signals,
    mode: z.literal("every"),
    ms: z.int().min(0).max(DAY_MS).describe("least time between two samples; 0 takes every sample"),
  }),
  z.strictObject({
    signals,
    mode: z.literal("on-change"),
    deadband: deadband.optional().describe("a smaller change is none"),
    atLeastEveryMs: z
      .int()
      .min(10)
      .max(DAY_MS)
      .optional()
      .describe("an unchanged value is taken again after this time"),
  }),
  z.strictObject({ signals, mode: z.literal("latest"), windowMs: windowMs.describe("the last value in each window") }),
  z.strictObject({
    signals,
    mode: z.literal("aggregate"),
    of: z
      .array(z.enum(["min", "max", "mean", "count", "first", "last", "sum", "integral"]))
      .min(1)
      .max(8)
      .refine((kinds) => new Set(kinds).size === kinds.length, "must name each once"),
    over: span,
  }),
  z.strictObject({
    signals,
    mode: z.literal("curve"),
    maxError: z.number().positive().describe("of a straight line between the samples taken, in the unit of the signal"),
    maxDelayMs: z.int().min(100).max(DAY_MS).default(10_000).describe("longest time before a sample is taken"),
  }),
  z.strictObject({
    signals,
    mode: z.literal("duration"),
    ...kept,
  }),
  z.strictObject({
    signals,
    mode: z.literal("histogram"),
    edges,
    with: z.strictObject({ signal: pattern, edges }).optional().describe("a second signal: cells of two dimensions"),
    by: z.enum(["time", "count"]).default("time"),
    ...kept,
  }),
  z.strictObject({
    signals,
    mode: z.literal("counter"),
    of: z.enum(["samples", "changes", "increase"]),
    ...kept,
  }),
]);

const trigger = z.strictObject({
  condition: expression,
  mode: z
    .enum(["rising", "while"])
    .default("rising")
    .describe("rising: a capture each time it becomes true; while: collects for as long as it is true"),
  forMs: z.int().min(0).max(DAY_MS).default(0).describe("it must have been true for so long"),
  release: expression
    .optional()
    .describe("must become true before it counts again; the condition must become false when absent"),
  minIntervalMs: z
    .int()
    .min(0)
    .max(30 * DAY_MS)
    .default(1000)
    .describe("least time between two triggers"),
  maxCount: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("triggers of this version of the campaign, over restarts"),
  beforeMs: z.int().min(0).max(3_600_000).default(0).describe("history before the trigger, as far as it is held"),
  afterMs: z.int().min(0).max(3_600_000).default(0),
  codes: z.boolean().optional().describe("its records list the trouble codes that are active then"),
});

const frameChoice = z.strictObject({
  bus: busName,
  ids: z
    .array(
      z.union([
        z.strictObject({ id: z.int().min(0).max(0x1fff_ffff), extended: z.boolean().default(false) }),
        z.strictObject({ pgn: z.int().min(0).max(0x3_ffff).describe("parameter group of J1939, whoever sends it") }),
      ]),
    )
    .min(1)
    .max(512)
    .optional()
    .describe("all frames of the bus when absent"),
});

const send = z.strictObject({
  stream: z
    .enum(["event", "telemetry", "capture"])
    .default("telemetry")
    .describe("class of its records, for delivery and eviction"),
  form: z
    .enum(["columns", "rows", "json"])
    .default("columns")
    .describe("rows and json: name, value, unit and time, without compression, for rules of a cloud; rows is protobuf"),
  compression: z.enum(["none", "gzip", "zstd"]).optional().describe("of columns; as encode.compression when absent"),
  batchMs: z
    .int()
    .min(20)
    .max(3_600_000)
    .optional()
    .describe(
      "longest time a sample waits, where it is not that of collect.batchMs, at a quarter of which it is looked for",
    ),
});

/**
 * One campaign: what is collected, when, and how it is sent. What names of signals stand for is checked against the signal table when
 * it is loaded.
 */
export const campaignDocument = z
  .strictObject({
    schemaVersion: z.literal(1, { error: ({ input }) => schemaProblem(input) }),
    id: name.describe("a later document of this id takes the place of the one in force"),
    version: z.int().min(1).max(4_294_967_295).describe("grows with each document of the id"),
    description: z.string().max(500).default(""),
    for: z
      .strictObject({
        buses: z.array(busName).min(1).max(32).optional().describe("runs where all of these are configured"),
        hardware: z
          .array(z.string().min(1).max(64))
          .min(1)
          .max(64)
          .optional()
          .describe("patterns of ota.hardware; '*' matches any run"),
      })
      .prefault({})
      .describe("vehicles that it is meant for; every one when absent"),
    start: moment.optional(),
    end: moment.optional(),
    inputs: z
      .record(variable, signalName)
      .default({})
      .describe("names that expressions use for signals: physical values"),
    maxAgeMs: z
      .int()
      .min(10)
      .max(DAY_MS)
      .default(2000)
      .describe("an expression over a signal that is older, or was never seen, is undefined: never true"),
    derived: z
      .array(z.strictObject({ name: variable, unit: z.string().max(32).default(""), expression }))
      .max(256)
      .default([])
      .describe("signals that are worked out from others"),
    trigger: trigger.optional().describe("collects all the time when absent"),
    collect: z
      .array(collectEntry)
      .max(MAX_ENTRIES)
      .default([])
      .describe(
        "of the modes off, every, on-change, latest and curve the last one counts that names a signal; all others count too",
      ),
    frames: z
      .array(frameChoice)
      .max(32)
      .default([])
      .describe("black box: frames around each trigger, as records of the capture stream"),
    trip: expression
      .optional()
      .describe(
        "a trip lasts while it is true; when absent trips are those of power.state, and one run of the agent where there is none",
      ),
    send: send.prefault({}),
    budget: z
      .strictObject({ bytesPerDay: z.int().min(1000).max(100_000_000_000) })
      .optional()
      .describe("encoded bytes of a day of UTC; when they are used up it pauses until the next"),
    thin: z
      .int()
      .min(2)
      .max(1000)
      .optional()
      .describe("a full outbox keeps every n-th sample of its oldest records before anything is evicted"),
  })
  .superRefine((document, context) => {
    for (const { path, message } of documentProblems(document)) context.addIssue({ code: "custom", path, message });
  });

export type CampaignDocument = z.infer<typeof campaignDocument>;

/** What an agent that is older than a document says of it. */
function schemaProblem(given: unknown): string {
  const isNewer = typeof given === "number" && given > 1;
  return isNewer ? `${given} is newer than this agent knows (1): update the agent first` : "must be 1";
}

type Checked = {
  readonly start?: string | undefined;
  readonly end?: string | undefined;
  readonly inputs: Readonly<Record<string, string>>;
  readonly derived: readonly { readonly name: string }[];
  readonly trigger?: { readonly mode: string; readonly beforeMs: number } | undefined;
  readonly collect: readonly { readonly signals: string | readonly string[] }[];
  readonly frames: readonly unknown[];
};

type Problem = { readonly path: (string | number)[]; readonly message: string };

/** What does not fit together in a document whose parts are right one by one. */
function documentProblems({
  start,
  end,
  inputs,
  derived,
  trigger: given,
  collect,
  frames,
}: Checked): readonly Problem[] {
  const problems: Problem[] = [...tooManyNames(collect)];
  if (Object.keys(inputs).length > MAX_INPUTS) {
    problems.push({ path: ["inputs"], message: `${Object.keys(inputs).length} names, more than ${MAX_INPUTS}` });
  }
  if (start !== undefined && end !== undefined && Date.parse(end) <= Date.parse(start)) {
    problems.push({ path: ["end"], message: "must be later than start" });
  }
  const names = [...Object.keys(inputs), ...derived.map((one) => one.name)];
  derived.forEach((one, at) => {
    if (names.filter((known) => known === one.name).length > 1) {
      problems.push({ path: ["derived", at, "name"], message: `${one.name} is named twice` });
    }
  });
  if (collect.length === 0 && frames.length === 0) {
    problems.push({ path: ["collect"], message: "nothing is collected: name signals here, or frames" });
  }
  if (frames.length > 0 && given?.mode !== "rising") {
    problems.push({ path: ["frames"], message: "need a trigger of mode rising, around which they are taken" });
  }
  if (given?.mode === "while" && given.beforeMs > 0) {
    problems.push({ path: ["trigger", "beforeMs"], message: "is for mode rising" });
  }
  return problems;
}

/** The entry with which there are more names than a document may have. */
function tooManyNames(collect: Checked["collect"]): readonly Problem[] {
  let names = 0;
  let patterns = 0;
  for (const [at, { signals }] of collect.entries()) {
    const own = typeof signals === "string" ? [signals] : signals;
    names += own.length;
    patterns += own.filter((name) => name.includes("*")).length;
    if (names <= MAX_NAMES && patterns <= MAX_PATTERNS) continue;
    const message = `more than ${MAX_NAMES} names with the entries before it, or more than ${MAX_PATTERNS} with '*'`;
    return [{ path: ["collect", at, "signals"], message }];
  }
  return [];
}
