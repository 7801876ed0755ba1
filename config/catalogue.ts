import { z } from "zod";
import { ACTUATOR_TYPES } from "../agent/core/actuator-type.ts";
import { programCommandName, programValues } from "./program-values.ts";
import { signalName } from "./signal-name.ts";

const actionName = z
  .string()
  .regex(/^[A-Za-z][A-Za-z0-9._-]{0,63}$/, "must be a name of at most 64 letters, digits, '.', '_' or '-'");
const variable = z
  .string()
  .regex(/^[a-z][A-Za-z0-9_]{0,31}$/, "must begin with a small letter and have letters, digits and '_'");

/** When an action may act. Every signal must have been received within `maxAgeMs`, and every clause be true. */
export const conditionConfig = z.strictObject({
  signals: z.record(variable, signalName).describe("variables of the clauses, each a physical value"),
  maxAgeMs: z.int().min(10).max(60_000).default(2000),
  all: z
    .array(z.string().min(1).max(500))
    .min(1)
    .max(32)
    .describe("CEL expressions; a rejection names the first that is false"),
});
export type ConditionConfig = z.infer<typeof conditionConfig>;

const frameValue = z.union([
  z.number(),
  z
    .strictObject({ argument: z.string().min(1).max(64), minimum: z.number(), maximum: z.number() })
    .describe("given with the command, within these physical bounds"),
  z.strictObject({ counter: z.literal(true) }).describe("counts up with each frame and wraps"),
  z
    .strictObject({ checksum: z.enum(["xor8", "sum8", "crc8-j1850"]) })
    .describe("over all other bytes of the frame, its own taken as zero; must be a whole byte"),
]);
export type FrameValue = z.infer<typeof frameValue>;

const common = {
  name: actionName,
  summary: z.string().max(200).default(""),
};

const actuate = z.strictObject({
  ...common,
  kind: z.literal("actuate"),
  bus: z.string().min(1).max(32),
  message: z
    .string()
    .min(1)
    .max(128)
    .describe("MESSAGE of a DBC file of this bus, MESSAGE@0xID where several have the name"),
  signals: z
    .record(z.string().min(1).max(128), frameValue)
    .describe("every signal of the message, physical values; no two may share bits"),
  repeat: z
    .strictObject({ count: z.int().min(1).max(1000), everyMs: z.int().min(5).max(10_000) })
    .default({ count: 1, everyMs: 20 })
    .describe("frames to send; the condition must hold before each"),
  condition: conditionConfig,
  confirm: z
    .strictObject({
      signal: signalName,
      equals: z.number(),
      tolerance: z.number().min(0).default(0),
      withinMs: z.int().min(10).max(60_000).default(2000),
    })
    .describe("what the vehicle says when it has done it"),
});
export type ActuateConfig = z.infer<typeof actuate>;

const sequence = z.strictObject({
  ...common,
  kind: z.literal("sequence"),
  steps: z
    .array(
      z.union([
        z.strictObject({ action: actionName, arguments: z.record(z.string(), z.number()).default({}) }),
        z.strictObject({ pauseMs: z.int().min(1).max(10_000) }),
      ]),
    )
    .min(1)
    .max(64)
    .describe("one after the other; ends with the first that does not succeed"),
});
export type SequenceConfig = z.infer<typeof sequence>;

/** Name of a control unit of diagnostics. */
const ecuName = z.string().min(1).max(64);
const entryName = z.string().min(1).max(64);

const clearCodes = z.strictObject({
  ...common,
  kind: z.literal("clear-codes"),
  ecus: z
    .array(ecuName)
    .min(1)
    .max(64)
    .describe("control units whose codes may be cleared; all of them where a command names none"),
  group: z
    .int()
    .min(0)
    .max(0xff_ffff)
    .default(0xff_ffff)
    .describe("group of codes (UDS): 0xffffff all, 0xffff33 those of emissions"),
  condition: conditionConfig,
});
export type ClearCodesConfig = z.infer<typeof clearCodes>;

const resetEcu = z.strictObject({
  ...common,
  kind: z.literal("reset-ecu"),
  ecu: ecuName,
  reset: entryName.describe("one of resets of the control unit in diagnostics.catalogueFile"),
  condition: conditionConfig,
});
export type ResetEcuConfig = z.infer<typeof resetEcu>;

const routine = z.strictObject({
  ...common,
  kind: z.literal("routine"),
  ecu: ecuName,
  routine: entryName.describe("one of routines of the control unit in diagnostics.catalogueFile"),
  condition: conditionConfig.optional().describe("may be absent for a routine of class inert alone"),
});
export type RoutineConfig = z.infer<typeof routine>;

const controlOutput = z.strictObject({
  ...common,
  kind: z.literal("control-output"),
  ecu: ecuName,
  output: entryName.describe("one of outputs of the control unit in diagnostics.catalogueFile; given back at the end"),
  holdMs: z.int().min(100).max(600_000).default(5000),
  condition: conditionConfig.describe("must hold all the time"),
});
export type ControlOutputConfig = z.infer<typeof controlOutput>;

const program = z
  .strictObject({
    ...common,
    kind: z.literal("program"),
    program: z.string().min(1).max(32).describe("one of programs.clients, which may answer `command`"),
    command: programCommandName.describe("as the program calls it"),
    class: z
      .enum(["R0", "R1", "R2", "R3"])
      .default("R3")
      .describe("R0 reads, R1 changes a setting, R2 disrupts, R3 moves something; R2 and R3 need a signature"),
    arguments: programValues.describe("what a command may give; nothing else reaches the program"),
    results: programValues.describe("what the program may answer; nothing else leaves the vehicle"),
    timeoutMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(10_000)
      .describe("for the answer; nobody knows then what was done"),
    condition: conditionConfig
      .optional()
      .describe("must hold right before the program gets it; may be absent for R0, R1 and R2 alone"),
  })
  .refine((entry) => entry.class !== "R3" || entry.condition !== undefined, {
    path: ["condition"],
    message: "class R3 needs a condition",
  });
export type ProgramActionConfig = z.infer<typeof program>;

const syncId = z.string().min(1).max(256);
const actuator = z.strictObject({
  signal: z.int().min(0).max(4_294_967_295).describe("number of the signal, signal_id in the request"),
  type: z.enum(ACTUATOR_TYPES),
  does: z.union([
    z
      .array(z.strictObject({ value: z.union([z.number(), z.boolean(), z.string().max(256)]), action: actionName }))
      .min(1)
      .max(64)
      .describe("what each value asks for; others are refused"),
    z
      .strictObject({ action: actionName, argument: z.string().min(1).max(64) })
      .describe("the value, a number, is this argument of the action"),
  ]),
});

const stateTemplate = z.strictObject({
  template: syncId.describe("id of the state template, state_template_sync_id in the request"),
  signals: z.array(signalName).min(1).max(64),
  everyMs: z
    .int()
    .min(10)
    .max(86_400_000)
    .optional()
    .describe("while it is active, least time between two samples of a signal; each change when absent"),
  stream: z.enum(["event", "telemetry"]).default("event"),
  form: z.enum(["columns", "rows", "json"]).default("rows").describe("as send.form of a campaign"),
});
export type StateTemplate = z.infer<typeof stateTemplate>;

/** What the protobuf flavour of commands calls by number or by the id of a template. */
const protobufNames = z.strictObject({
  manifest: syncId.optional().describe("decoder_manifest_sync_id that requests must name; not looked at when absent"),
  actuators: z.array(actuator).max(1000).default([]),
  states: z.array(stateTemplate).max(100).default([]).describe("state templates: what of the last known state is sent"),
});
export type ProtobufNames = z.infer<typeof protobufNames>;

/** Actions that write to a bus, or that another program does, made without code. What is not in here can never be sent. */
export const catalogueSchema = z.strictObject({
  schemaVersion: z.literal(1),
  actions: z
    .array(z.discriminatedUnion("kind", [actuate, sequence, clearCodes, resetEcu, routine, controlOutput, program]))
    .max(500),
  protobuf: protobufNames.prefault({}).describe("names of requests in the protobuf flavour (commands.protobuf)"),
});
export type Catalogue = z.infer<typeof catalogueSchema>;
