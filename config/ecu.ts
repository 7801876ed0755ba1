import { z } from "zod";

/** Longest answer that a data identifier or a record may be, bytes: the longest that ISO-TP carries in its short form, less the header. */
export const MAX_DATA_BYTES = 4092;
const word = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,31}$/, "must begin with a small letter and have letters, digits and '_'");
const signalWord = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, "must be a name of at most 64 letters, digits or '_', with no digit first");
const byte = z.int().min(0).max(255);
const identifier = z.int().min(0).max(0xffff);
const lengthBytes = z.int().min(1).max(MAX_DATA_BYTES);
const hexBytes = z
  .string()
  .regex(/^([0-9a-fA-F]{2})*$/, "must be bytes in hexadecimal, two digits each")
  .max(2 * MAX_DATA_BYTES);
const summary = z.string().max(200).default("");

const layout = {
  name: signalWord,
  startBit: z
    .int()
    .min(0)
    .max(8 * MAX_DATA_BYTES - 1)
    .describe(
      "as in a DBC file: byte * 8 + bit; the lowest bit of a little-endian signal, the highest of a big-endian one",
    ),
  bits: z.int().min(1).max(64),
  byteOrder: z.enum(["big", "little"]).default("big"),
  kind: z.enum(["integer", "float", "double"]).default("integer").describe("float and double are IEEE 754"),
  signed: z.boolean().default(false),
  factor: z.number().default(1).describe("physical value = raw * factor + offset"),
  offset: z.number().default(0),
  unit: z.string().max(32).default(""),
};

const texts = z
  .record(z.string().regex(/^-?\d{1,15}$/, "must be a raw value, a whole number"), z.string().min(1).max(128))
  .optional()
  .describe("what raw values mean");

const signal = z.strictObject({ ...layout, texts });
/** A value in the data of a control unit, as a DBC file would describe it. */
export type EcuSignal = z.infer<typeof signal>;

const argument = z.strictObject({
  ...layout,
  minimum: z.number().describe("least physical value that may be given"),
  maximum: z.number().describe("greatest physical value that may be given"),
});
/** A value that a caller gives, and where it goes. */
export type EcuArgument = z.infer<typeof argument>;

const data = {
  length: lengthBytes
    .optional()
    .describe("data bytes; absent where that varies, which keeps it from being read with others"),
  text: z.enum(["ascii", "hex"]).optional().describe("the data is text; hexadecimal when it has no signals either"),
  signals: z.array(signal).max(512).default([]),
};

const securityLevel = z.int().min(1).max(0x7d).describe("number of the request for its seed, odd");
const session = z
  .enum(["default", "programming", "extended", "safety"])
  .or(z.int().min(1).max(0x7f))
  .describe("diagnostic session, by name or number");

const access = {
  session: session.default("default").describe("session that it needs"),
  security: securityLevel.optional().describe("security level that it needs; one of the security section"),
  class: z
    .enum(["inert", "stationary", "service-only"])
    .describe("inert moves nothing; stationary only while the vehicle stands; service-only never from afar"),
};

const accessShape = z.strictObject(access);
/** What something takes: a diagnostic session, a security level, and how far it may be done from afar. */
export type EcuAccess = z.infer<typeof accessShape>;

const did = z.strictObject({
  id: identifier,
  name: word,
  summary,
  ...data,
  identity: z
    .enum(["vin", "software_version", "hardware_version", "part_number", "serial"])
    .optional()
    .describe("what of the control unit's identity it is"),
  session: session.default("default").describe("session in which it can be read"),
  security: securityLevel.optional().describe("security level that reading it needs; one of the security section"),
  readable: z.boolean().default(true).describe("false for one that only snapshots hold"),
  write: accessShape.optional().describe("what it takes to write it; it is never written when absent"),
});
/** A data identifier of a control unit. */
export type EcuDid = z.infer<typeof did>;

const extendedData = z.strictObject({
  record: z.int().min(1).max(0xef).describe("number of the record"),
  name: word,
  ...data,
});

const securityProgram = z.strictObject({
  level: securityLevel,
  program: z
    .string()
    .regex(/^\/[^\0]{1,4095}$/, "must be an absolute path")
    .describe("gets the seed in hexadecimal as a line on its standard input and prints the key likewise"),
  arguments: z.array(z.string().max(256)).max(16).default([]).describe("anybody on the machine can read these"),
  timeoutMs: z.int().min(50).max(60_000).default(5000),
});

const option = z.strictObject({
  bytes: hexBytes.default("").describe("option record; arguments are written over it"),
  arguments: z.array(argument).max(32).default([]),
});
const result = z.strictObject({
  signals: z.array(signal).max(128).default([]).describe("bits count from the byte after the identifier"),
  verdict: z
    .strictObject({
      signal: signalWord,
      inSpec: z.tuple([z.number(), z.number()]).describe("physical values, both ends included"),
      marginal: z.tuple([z.number(), z.number()]).optional(),
    })
    .optional()
    .describe("how the measured value is judged; outside both it is out of specification"),
});
/** What a routine answers. */
export type EcuResult = z.infer<typeof result>;

const routine = z.strictObject({
  id: identifier,
  name: word,
  summary,
  ...access,
  start: option.prefault({}),
  stop: option.optional().describe("absent where it ends by itself"),
  results: z.boolean().default(false).describe("whether its results are asked for (31 03) after it was started"),
  longestMs: z.int().min(0).max(600_000).default(0).describe("time until its results are there"),
  result: result.prefault({}),
});
/** A routine of a control unit (service 31). */
export type EcuRoutine = z.infer<typeof routine>;

const output = z.strictObject({
  id: identifier.describe("data identifier of the output"),
  name: word,
  summary,
  ...access,
  state: option.prefault({}).describe("control state that 'adjust' sends"),
  mask: hexBytes.default("").describe("control enable mask after the state, where the control unit wants one"),
  longestMs: z.int().min(10).max(60_000).default(5000).describe("after this the control goes back to the control unit"),
});
/** An output that can be controlled (service 2F). */
export type EcuOutput = z.infer<typeof output>;

const reset = z.strictObject({ name: word, kind: z.enum(["hard", "key-off-on", "soft"]), ...access });
/** A reset of a control unit (service 11). */
export type EcuReset = z.infer<typeof reset>;

const isotp = z
  .strictObject({
    padding: byte.optional(),
    blockSize: byte.optional(),
    separationMs: z.int().min(0).max(127).optional(),
    maxPduBytes: z.int().min(64).max(1_048_576).optional(),
  })
  .prefault({})
  .describe("what this control unit needs otherwise than diagnostics.buses[].transmit.isotp says");

const address = {
  idBits: z.literal(11).or(z.literal(29)).default(11),
  request: z.int().min(0).max(0x1fff_ffff).describe("arbitration id of requests"),
  response: z.int().min(0).max(0x1fff_ffff).describe("arbitration id of answers"),
  requestByte: byte.optional().describe("address byte before each request: extended or mixed addressing of ISO-TP"),
  responseByte: byte.optional().describe("address byte before each answer"),
  fd: z.boolean().default(false).describe("frames of CAN FD, 64 bytes"),
};

const timing = z
  .strictObject({
    p2Ms: z.int().min(1).max(65_535).default(1000).describe("longest time until it answers"),
    p2StarMs: z.int().min(10).max(655_350).default(5000).describe("the same after 'response pending'"),
  })
  .prefault({})
  .describe("until the control unit says its own with a session");

const troubleCodes = z
  .strictObject({
    statusMask: z.int().min(1).max(255).default(0x0d).describe("status bits of which a code must have one to be read"),
    names: z
      .record(
        z.string().regex(/^[PCBU][0-3][0-9A-F]{3}(-[0-9A-F]{2})?$/, "must be a trouble code such as P0301 or B1234-1F"),
        z.string().min(1).max(200),
      )
      .default({})
      .describe("texts of codes; one without failure type stands for all of them"),
    extendedData: z.array(extendedData).max(64).default([]),
    occurrences: signalWord.optional().describe("signal of extended data that counts how often the code came"),
  })
  .prefault({});

/** One control unit of the vehicle, before what its parts say of each other is checked. */
export const ecuShape = z.strictObject({
  name: word,
  summary,
  ...address,
  isotp,
  timing,
  security: z.array(securityProgram).max(16).default([]),
  dids: z.array(did).max(2000).default([]),
  troubleCodes,
  routines: z.array(routine).max(500).default([]),
  outputs: z.array(output).max(500).default([]),
  resets: z.array(reset).max(3).default([]),
});
/** A control unit of the vehicle, as its maker describes it. */
export type Ecu = z.infer<typeof ecuShape>;
