import { z } from "zod";
import { issueText } from "../../core/issue-text.ts";
import { rejected } from "../answer.ts";
import { type DecodedCommand, isTooDeep } from "../request.ts";

/**
 * Requests in the vocabulary of SOVD over MQTT ("SOVD Data Model on an MQTT Transport Binding", section 3.7, and the appendix that maps
 * it to the reference implementation), each with the two names that it goes by.
 */
const COMMANDS = {
  read_dtcs: "codes",
  read_faults: "codes",
  read_freeze_frames: "freeze-frames",
  read_freeze_frame: "freeze-frames",
  clear_dtcs: "clear",
  clear_faults: "clear",
  read_identity: "identity",
  read_data: "data",
  run_routine: "routine",
} as const;
export type SovdCommand = (typeof COMMANDS)[keyof typeof COMMANDS];

/** Longest text of a request that goes back with the answer. */
const MAX_ECHO_CHARACTERS = 256;
const MAX_ECHO_KEYS = 32;
const MAX_COMPONENTS = 64;

const name = z.string().min(1).max(64);
const wallMs = z.int().min(0);

/** What is read of a request; other members go back as they came. Those of a signature are ours: the reference signs nothing. */
const requestSchema = z.looseObject({
  command_type: z.string().max(64),
  correlation_id: z.string().max(64).optional(),
  components: z.array(name).max(MAX_COMPONENTS).nullish(),
  include_freeze_frame: z.boolean().nullish(),
  routine_id: name.nullish(),
  parameters: z.record(z.string().max(64), z.json()).nullish(),
  attestation: z.record(z.string().max(64), z.json()).nullish(),
  id: z.string().optional(),
  thing: z.string().optional(),
  counter: z.int().optional(),
  issued_at_ms: wallMs.optional(),
  not_before_ms: wallMs.optional(),
  expires_at_ms: wallMs.optional(),
  signature: z.strictObject({ key: z.string(), value: z.string() }).optional(),
});
type SovdRequest = z.infer<typeof requestSchema>;

/** What requests of SOVD stand for in this vehicle. */
export type SovdNames = {
  /** Name of a control unit by what the cloud calls it; one that is not here has the same name. */
  readonly components: Readonly<Record<string, string>>;
  /** Actions of the catalogue that run a routine: a request for a routine reaches no other. */
  readonly routines: ReadonlySet<string>;
  /** The action of the catalogue that clears codes; undefined where none does. */
  readonly clear: string | undefined;
  /** For a request that names no end, ms. */
  readonly timeoutMs: number;
};

/** What a request stands for; undefined for one that there is not. */
export function sovdCommandOf(called: string): SovdCommand | undefined {
  return isCommand(called) ? COMMANDS[called] : undefined;
}

function isCommand(called: string): called is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, called);
}

/** What a payload asks for, and the members of it that its answer repeats. Undefined where it is no request at all. */
export type ReadSovd = {
  readonly command: string;
  readonly echo: Readonly<Record<string, unknown>>;
  readonly asked: DecodedCommand;
};

/** Reads a request into one of dispatch. Nothing in it says what may be done: class and condition are those of the vehicle's catalogue. */
export function readSovd(payload: Uint8Array, names: SovdNames): ReadSovd | undefined {
  const json = jsonOf(payload);
  if (typeof json !== "object" || json === null || isTooDeep(json)) return undefined;
  const echo = echoOf(json);
  const command = "command_type" in json && typeof json.command_type === "string" ? json.command_type.slice(0, 64) : "";
  const parsed = requestSchema.safeParse(json);
  if (!parsed.success) {
    const decodeError = rejected("COMMAND_REQUEST_PARSING_FAILED", issueText(parsed.error));
    return { command, echo, asked: { body: { schemaVersion: 1, action: "sovd" }, decodeError } };
  }
  return { command, echo, asked: askedOf(parsed.data, names) };
}

function jsonOf(payload: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch {
    // No JSON: whoever sent it is told so by dispatch.
    return undefined;
  }
}

function askedOf(request: SovdRequest, names: SovdNames): DecodedCommand {
  const { action, given, problem } = actionOf(request, names);
  const { id, thing, counter, not_before_ms: notBeforeMs, signature } = request;
  const body = {
    schemaVersion: 1,
    id,
    thing,
    action,
    arguments: given,
    counter,
    notBeforeMs,
    signature,
    ...endOf(request, names),
  };
  return { body, decodeError: problem === undefined ? undefined : rejected(...problem) };
}

/** Only what acts is bound to the vehicle's clock: a reading does no harm late, and a car without a clock answers it too. */
function endOf(
  { issued_at_ms: issuedAtMs, expires_at_ms: expiresAtMs, signature, command_type }: SovdRequest,
  { timeoutMs }: SovdNames,
) {
  if (expiresAtMs !== undefined) return { expiresAtMs };
  const acts = signature !== undefined || ["clear", "routine"].includes(sovdCommandOf(command_type) ?? "");
  return acts && issuedAtMs !== undefined ? { issuedAtMs, timeoutMs } : {};
}

type Asked = {
  readonly action: string;
  readonly given: Readonly<Record<string, unknown>>;
  readonly problem?: Parameters<typeof rejected>;
};

function actionOf(request: SovdRequest, names: SovdNames): Asked {
  const { command_type: called, include_freeze_frame: withFreeze, parameters, routine_id: routine } = request;
  const ecus = ecusOf(request, names);
  switch (sovdCommandOf(called)) {
    case "codes":
      return { action: "dtc.read", given: { ...ecus, freeze: withFreeze === true, fresh: true } };
    case "freeze-frames":
      return { action: "dtc.read", given: { ...ecus, freeze: true, fresh: true } };
    case "identity":
      return { action: "ecu.identity", given: ecus };
    case "data":
      return dataOf(ecus, parameters?.did);
    case "clear":
      return names.clear === undefined
        ? unfit("NOT_SUPPORTED", "no entry of the catalogue clears codes")
        : { action: names.clear, given: ecus };
    case "routine":
      return routine !== undefined && routine !== null && names.routines.has(routine)
        ? { action: routine, given: parameters ?? {} }
        : unfit("NO_COMMAND_DISPATCHER_FOUND", `no entry of the catalogue is the routine ${routine ?? ""}`);
    case undefined:
      return unfit("NOT_SUPPORTED", `${called} is no command of this channel`);
  }
}

function unfit(...problem: Parameters<typeof rejected>): Asked {
  return { action: "sovd", given: {}, problem };
}

function dataOf({ ecus }: { readonly ecus?: readonly string[] }, did: unknown): Asked {
  const [ecu, second] = ecus ?? [];
  if (ecu === undefined || second !== undefined)
    return unfit("ARGUMENT_OUT_OF_RANGE", "components: must be exactly one");
  if (typeof did !== "string") return unfit("ARGUMENT_TYPE_MISMATCH", "parameters.did: must be a text");
  return { action: "ecu.read", given: { ecu, data: [did] } };
}

/** No list, an empty one, "*" and "ALL" are all control units. */
function ecusOf({ components }: SovdRequest, names: SovdNames): { readonly ecus?: readonly string[] } {
  const isAll = components === undefined || components === null || components.length === 0;
  if (isAll || components.some((one) => one === "*" || one === "ALL")) return {};
  return { ecus: components.map((one) => (Object.hasOwn(names.components, one) ? names.components[one] : one)) };
}

/** Members that are short: texts, numbers and truth values, and those that hold a few of them, as an attestation does. */
function echoOf(request: object): Readonly<Record<string, unknown>> {
  const kept = Object.entries(request).filter(([key, value]) => key !== "signature" && isEchoed(key, value));
  return Object.fromEntries(kept.slice(0, MAX_ECHO_KEYS));
}

function isEchoed(key: string, value: unknown): boolean {
  return key.length <= MAX_ECHO_CHARACTERS && JSON.stringify(value).length <= 4 * MAX_ECHO_CHARACTERS;
}
