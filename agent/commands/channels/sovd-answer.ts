import { z } from "zod";
import type { Answer, ReasonCode } from "../answer.ts";
import { type SovdCommand, sovdCommandOf } from "./sovd-request.ts";

/** One control unit of an answer, in the words of SOVD. */
export type SovdComponent = Readonly<Record<string, unknown>>;

/** An answer as it goes out, and its components by what the cloud calls them. */
export type SovdAnswer = {
  readonly status: string;
  /** Why it is not SUCCEEDED; for people. */
  readonly reason: string | undefined;
  readonly components: ReadonlyMap<string, unknown>;
  /** Members besides, such as those of a routine. */
  readonly members: Readonly<Record<string, unknown>>;
};

/** What an answer is about: the command as it was called, and the members of the request. */
export type SovdAsked = { readonly called: string; readonly echo: Readonly<Record<string, unknown>> };

const freezeValue = z.object({ value: z.json(), unit: z.string().default(""), timeMs: z.number().optional() });
const seenCode = z.object({
  code: z.string(),
  status: z.string(),
  occurrences: z.number().optional(),
  firstSeenMs: z.number().optional(),
  lastSeenMs: z.number().optional(),
  freeze: z.record(z.string(), freezeValue).optional(),
});
const readCodes = z.object({ protocol: z.string(), codes: z.array(seenCode) });
/** One value, or several by their names where the data has more. */
const readData = z.union([
  z.object({ did: z.string(), name: z.string(), value: z.json(), unit: z.string() }),
  z.object({ did: z.string(), name: z.string(), values: z.record(z.string(), z.json()) }),
]);
const readIdentity = z.object({ identity: z.record(z.string(), z.string()) });
const withCode = z.object({ dtc_code: z.string() });
const withProblem = z.object({ problem: z.string() });

const NOBODY = "no control unit is known yet";

/** Status of what was not done, by why; FAILED for any other. The first four are those of the reference implementation. */
const REFUSALS: Partial<Record<ReasonCode, string>> = {
  RATE_LIMITED: "RATE_LIMITED",
  PRECONDITION_FAILED: "PRECONDITION_FAILED_MOVING",
  VEHICLE_STATE_UNKNOWN: "REFUSED_NO_VEHICLE_STATE",
  SERVICE_ONLY: "REFUSED_SERVICE_ONLY",
  NOT_SUPPORTED: "UNSUPPORTED_COMMAND",
};

/** An answer of dispatch in the words of SOVD. `nameOf` gives what the cloud calls a control unit. */
export function sovdAnswerOf(answer: Answer, asked: SovdAsked, nameOf: (ecu: string) => string): SovdAnswer {
  const { status, reason, result } = answer;
  const command = sovdCommandOf(asked.called);
  const why = reason === undefined ? undefined : `${reason.code}: ${reason.description}`;
  if (command === "routine") return routineAnswer(answer, asked, why);
  if (status !== "SUCCEEDED" && Object.keys(result).length === 0) {
    return { status: statusOf(command, reason?.code), reason: why, components: new Map(), members: {} };
  }
  const entries = Object.entries(result).map(([key, value]) => [key, String(value)] as const);
  const parts =
    command === "data"
      ? entries.map(([name, text]) => dataPart(name, text, asked))
      : entries.map(([ecu, text]) => componentOf(text, asked, nameOf(ecu)));
  return joined(parts, why);
}

function joined(parts: readonly SovdPart[], why: string | undefined): SovdAnswer {
  // Nothing was asked: a scan of nothing has found no vehicle to be without faults.
  if (parts.length === 0) return { status: "FAILED", reason: NOBODY, components: new Map(), members: {} };
  const failed = parts.filter(({ isRead }) => !isRead);
  const components = new Map(
    parts.flatMap(({ name, component }) => (component === undefined ? [] : [[name, component]])),
  );
  if (failed.length === 0) return { status: "SUCCEEDED", reason: why, components, members: {} };
  const problems = failed.map(({ name, problem }) => `${name}: ${problem}`).join("; ");
  return { status: failed.length === parts.length ? "FAILED" : "PARTIAL", reason: problems, components, members: {} };
}

/** A control unit as one part of an answer. */
export type SovdPart = {
  readonly name: string;
  /** Whether it did what was asked. */
  readonly isRead: boolean;
  readonly problem: string | undefined;
  /** Undefined where nothing is known of it. */
  readonly component: SovdComponent | undefined;
};

/** What one control unit answered. `text` is what the action gave for it, JSON. */
export function componentOf(text: string, asked: SovdAsked, name: string): SovdPart {
  const value = jsonOf(text);
  const problem = problemOf(value);
  const command = sovdCommandOf(asked.called);
  if (command === "clear") {
    const { attestation } = asked.echo;
    const status = problem === undefined ? "CLEARED" : "CLEAR_FAILED";
    return { name, isRead: problem === undefined, problem, component: { id: name, status, attestation } };
  }
  if (problem !== undefined) return { name, isRead: false, problem, component: undefined };
  const component = readComponent(command, name, value, asked);
  return component === undefined
    ? { name, isRead: false, problem: missing(asked), component: undefined }
    : { name, isRead: true, problem: undefined, component };
}

/** The one data identifier that was asked for, of the one control unit. */
function dataPart(data: string, text: string, asked: SovdAsked): SovdPart {
  const value = jsonOf(text);
  const read = readData.safeParse(value);
  const { components } = asked.echo;
  const name = Array.isArray(components) ? String(components[0]) : "";
  if (read.success) return { name, isRead: true, problem: undefined, component: read.data };
  return { name, isRead: false, problem: problemOf(value) ?? `${data} gave nothing`, component: undefined };
}

function problemOf(value: unknown): string | undefined {
  const refused = withProblem.safeParse(value);
  return refused.success ? refused.data.problem : undefined;
}

function readComponent(
  command: SovdCommand | undefined,
  name: string,
  value: unknown,
  asked: SovdAsked,
): SovdComponent | undefined {
  switch (command) {
    case "codes": {
      const read = readCodes.safeParse(value);
      if (!read.success) return undefined;
      const list = asked.called === "read_faults" ? "faults" : "dtcs";
      return { id: name, protocol: read.data.protocol, [list]: read.data.codes.map(codeEntry) };
    }
    case "freeze-frames":
      return freezeComponent(value, asked);
    case "identity": {
      const read = readIdentity.safeParse(value);
      return read.success ? identityComponent(name, read.data.identity) : undefined;
    }
    default:
      return undefined;
  }
}

function codeEntry({
  code,
  status,
  occurrences,
  firstSeenMs,
  lastSeenMs,
  freeze = {},
}: z.infer<typeof seenCode>): SovdComponent {
  const frame = Object.entries(freeze).map(([signal, { value, unit, timeMs }]) => {
    return [signal, { value, unit, timestamp: timeMs === undefined ? undefined : new Date(timeMs).toISOString() }];
  });
  return {
    code,
    status,
    occurrence_count: occurrences,
    first_seen_ms: firstSeenMs,
    last_seen_ms: lastSeenMs,
    freeze_frame: Object.fromEntries(frame),
  };
}

/** The frame of the one code that was asked for. */
function freezeComponent(value: unknown, asked: SovdAsked): SovdComponent | undefined {
  const read = readCodes.safeParse(value);
  const wanted = codeOf(asked);
  const found = read.success ? read.data.codes.find(({ code }) => code === wanted) : undefined;
  if (found === undefined) return undefined;
  const values = Object.entries(found.freeze ?? {});
  const times = values.flatMap(([, { timeMs }]) => (timeMs === undefined ? [] : [timeMs]));
  return {
    dtc_code: found.code,
    timestamp_ms: times.length === 0 ? found.lastSeenMs : Math.max(...times),
    frame: Object.fromEntries(values.map(([signal, one]) => [signal, one.value])),
  };
}

function missing(asked: SovdAsked): string {
  return sovdCommandOf(asked.called) === "freeze-frames" ? `DTC ${codeOf(asked)} is not there` : "gave nothing";
}

function codeOf({ echo }: SovdAsked): string {
  const read = withCode.safeParse(echo.parameters);
  return read.success ? read.data.dtc_code : "";
}

/** What the versions should be is known to the cloud alone: no difference is never claimed. */
function identityComponent(name: string, identity: Readonly<Record<string, string>>): SovdComponent {
  const { software_version: software, hardware_version: hardware, ...rest } = identity;
  return {
    id: name,
    actual: { sw_version: software, hw_version: hardware, ...rest },
    expected: null,
    delta: { sw: "unknown", hw: "unknown" },
  };
}

/** A routine has one result, and no components but it. */
function routineAnswer({ status, reason, result }: Answer, { echo }: SovdAsked, why: string | undefined): SovdAnswer {
  const routine = { routine_id: echo.routine_id };
  const ended = status === "SUCCEEDED" ? "SUCCEEDED" : statusOf("routine", reason?.code);
  const values = typeof result.result === "string" ? jsonOf(result.result) : undefined;
  const verdict = typeof result.verdict === "string" ? result.verdict : undefined;
  const members = { ...routine, result: values, verdict };
  const components = new Map<string, unknown>([
    ["routine_id", echo.routine_id],
    ["result", { ...routine, status: ended, reason: why }],
  ]);
  return { status: ended, reason: why, components, members };
}

function statusOf(command: SovdCommand | undefined, code: ReasonCode | undefined): string {
  if (command === "routine" && code === "NO_COMMAND_DISPATCHER_FOUND") return "UNRESOLVABLE_SAFETY_CLASS";
  return (code === undefined ? undefined : REFUSALS[code]) ?? "FAILED";
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A text that is none says what it says.
    return text;
  }
}
