import type { ActuateConfig, FrameValue } from "../../../config/catalogue.ts";
import { AgentError } from "../../core/errors.ts";
import type { DbcMessage, DbcSignal } from "../../data/dbc/model.ts";
import { encodeFrame } from "../../data/encode-frame.ts";
import { FRAME_FLAG } from "../../data/frame.ts";
import { checksumOf } from "../../data/frame-protection.ts";
import type { SignalEntry } from "../../data/signal-table.ts";
import type { BusState, CanBus } from "../../ports.ts";
import type { Action, Outcome } from "../action.ts";
import { type Refusal, refused } from "../answer.ts";
import { buildGate, type GateParts, type SafetyGate } from "../safety-gate.ts";

const CONFIRM_POLL_MS = 10;
/** Time for what the frames themselves take beyond their pauses. */
const SEND_MARGIN_MS = 2000;

/** A bus that may be written to. */
export type TransmitBus = {
  readonly send: CanBus["send"];
  readonly state: () => { readonly state: BusState; readonly detail: string };
};

/** What actions on a bus need. */
export type ActuateParts = GateParts & {
  busOf(name: string): TransmitBus | undefined;
  messageOf(bus: string, name: string): DbcMessage | undefined;
};

/** An action, or what is wrong with its entry in the catalogue. */
export type BuiltAction =
  | { readonly kind: "action"; readonly action: Action }
  | { readonly kind: "unfit"; readonly path: readonly (string | number)[]; readonly problem: string };

type Plan = {
  readonly config: ActuateConfig;
  readonly bus: TransmitBus;
  readonly message: DbcMessage;
  readonly gate: SafetyGate;
  readonly feedback: SignalEntry;
  /** Next value of each counter signal. */
  readonly counters: Map<string, number>;
};

/**
 * An entry of the catalogue as an action of class R3: sends its message as often as it says, with the condition checked before each
 * frame, and succeeds only when the vehicle's own signal confirms it after the last one.
 */
export function buildActuation(config: ActuateConfig, parts: ActuateParts): BuiltAction {
  const bus = parts.busOf(config.bus);
  if (bus === undefined) return { kind: "unfit", path: ["bus"], problem: `there is no bus ${config.bus}` };
  const message = parts.messageOf(config.bus, config.message);
  if (message === undefined)
    return { kind: "unfit", path: ["message"], problem: `no DBC file of ${config.bus} has ${config.message}` };
  const feedback = parts.signals.find(config.confirm.signal);
  if (feedback === undefined)
    return { kind: "unfit", path: ["confirm", "signal"], problem: `there is no one signal ${config.confirm.signal}` };
  const problem = frameProblem(config, message);
  if (problem !== undefined) return problem;
  const built = buildGate(config.condition, parts);
  if (built.kind === "unfit") return { ...built, path: ["condition", ...built.path] };
  const plan: Plan = { config, bus, message, gate: built.gate, feedback, counters: new Map() };
  return { kind: "action", action: actionOf(plan, parts) };
}

function actionOf(plan: Plan, parts: ActuateParts): Action {
  const { name, summary, bus, message, repeat, confirm } = plan.config;
  return {
    name,
    summary,
    commandClass: "R3",
    keyRole: "commands",
    endsInRestart: false,
    uses: [`${bus}/${message}`],
    timeoutMs: repeat.count * repeat.everyMs + confirm.withinMs + SEND_MARGIN_MS,
    prepare: (given) => {
      const values = argumentsOf(plan.config, given);
      if (values.kind === "refused") return values;
      return {
        kind: "prepared",
        unsafe: () => plan.gate.check(),
        run: (signal) => actuate(plan, values.values, parts, signal),
      };
    },
  };
}

async function actuate(
  plan: Plan,
  given: ReadonlyMap<string, number>,
  parts: ActuateParts,
  signal: AbortSignal,
): Promise<Outcome> {
  const { clock } = parts;
  const { repeat } = plan.config;
  for (let sent = 0; sent < repeat.count; sent += 1) {
    if (sent > 0) await clock.sleep(repeat.everyMs, signal);
    const stop = signal.aborted
      ? refused("INTERRUPTED", "the agent is ending, or its time is over")
      : (plan.gate.check() ?? busTrouble(plan));
    if (stop !== undefined)
      return sent === 0
        ? stop
        : { kind: "failed", code: stop.code, description: `after ${sent} frames: ${stop.description}` };
    const failure = await sendOne(plan, given);
    if (failure !== undefined) return failure;
  }
  return await confirmed(plan, parts, signal);
}

function busTrouble({ bus, config }: Plan): Refusal | undefined {
  const { state, detail } = bus.state();
  return state === "up" || state === "error-passive"
    ? undefined
    : refused("UNAVAILABLE", `bus ${config.bus} is ${state}: ${detail}`);
}

async function sendOne(plan: Plan, given: ReadonlyMap<string, number>): Promise<Outcome | undefined> {
  const { message, bus, config } = plan;
  const data = frameData(config, message, given, plan.counters);
  const flags = (message.extended ? FRAME_FLAG.extended : 0) | (message.fd ? FRAME_FLAG.fd : 0);
  try {
    await bus.send({ id: message.id, flags, data, receivedAtUs: 0 });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    const { state, detail } = bus.state();
    return { kind: "failed", code: "WRITE_FAILED", description: `${thrown.message}; the bus is ${state}: ${detail}` };
  }
}

/** Only a frame that the vehicle sent after the last of ours confirms it: the state may have been so before. */
async function confirmed(plan: Plan, { signals, clock }: ActuateParts, signal: AbortSignal): Promise<Outcome> {
  const { signal: name, equals, tolerance, withinMs } = plan.config.confirm;
  const sentAtUs = clock.wallUs();
  const endMs = clock.monotonicMs() + withinMs;
  for (;;) {
    const reading = signals.read(plan.feedback);
    if (reading !== undefined && reading.timeUs > sentAtUs && Math.abs(Number(reading.value) - equals) <= tolerance) {
      return { kind: "done", result: { [name]: String(reading.value) } };
    }
    if (clock.monotonicMs() >= endMs || signal.aborted) {
      const last = reading === undefined ? "never came" : `is ${reading.value}`;
      return {
        kind: "failed",
        code: "NO_RESPONSE",
        description: `${name} ${last}, not ${equals}, ${withinMs} ms after the last frame`,
      };
    }
    await clock.sleep(CONFIRM_POLL_MS, signal);
  }
}

function argumentsOf(
  { signals }: ActuateConfig,
  given: Readonly<Record<string, unknown>>,
): Refusal | { readonly kind: "values"; readonly values: ReadonlyMap<string, number> } {
  const values = new Map<string, number>();
  const known = new Set<string>();
  for (const value of Object.values(signals)) {
    if (typeof value === "number" || !("argument" in value)) continue;
    known.add(value.argument);
    const argument = Object.hasOwn(given, value.argument) ? given[value.argument] : undefined;
    if (typeof argument !== "number") return refused("ARGUMENT_TYPE_MISMATCH", `${value.argument}: must be a number`);
    if (!(argument >= value.minimum && argument <= value.maximum)) {
      return refused(
        "ARGUMENT_OUT_OF_RANGE",
        `${value.argument}: ${argument} is not within ${value.minimum} to ${value.maximum}`,
      );
    }
    values.set(value.argument, argument);
  }
  const unknown = Object.keys(given).find((name) => !known.has(name));
  return unknown === undefined
    ? { kind: "values", values }
    : refused("ARGUMENT_TYPE_MISMATCH", `${unknown}: unknown argument`);
}

/** What of the entry does not make a frame, for the smallest and the largest arguments. */
function frameProblem({ signals }: ActuateConfig, message: DbcMessage): BuiltAction | undefined {
  for (const bound of ["minimum", "maximum"] as const) {
    const values = Object.entries(signals).map(
      ([name, value]) => [name, boundOf(value, bound, signalOf(message, name))] as const,
    );
    const encoded = encodeFrame(message, new Map(values));
    if (encoded.kind === "unfit") return { kind: "unfit", path: ["signals", encoded.signal], problem: encoded.problem };
  }
  for (const [name, value] of Object.entries(signals)) {
    const signal = signalOf(message, name);
    if (typeof value === "number" || "argument" in value || signal === undefined) continue;
    if (signal.kind !== "integer")
      return { kind: "unfit", path: ["signals", name], problem: "must be an integer signal" };
    if ("checksum" in value && checksumByte(signal) === undefined) {
      return { kind: "unfit", path: ["signals", name], problem: "a checksum must be a whole byte" };
    }
  }
  return undefined;
}

function boundOf(value: FrameValue, bound: "minimum" | "maximum", signal: DbcSignal | undefined): number {
  if (typeof value === "number") return value;
  if ("argument" in value) return value[bound];
  return signal?.offset ?? 0;
}

function frameData(
  { signals }: ActuateConfig,
  message: DbcMessage,
  given: ReadonlyMap<string, number>,
  counters: Map<string, number>,
): Uint8Array {
  const values = new Map<string, number>();
  for (const [name, value] of Object.entries(signals)) {
    const signal = signalOf(message, name);
    if (typeof value === "number") values.set(name, value);
    else if ("argument" in value) values.set(name, given.get(value.argument) ?? Number.NaN);
    else
      values.set(name, "counter" in value && signal !== undefined ? countUp(signal, counters) : (signal?.offset ?? 0));
  }
  const encoded = encodeFrame(message, values);
  if (encoded.kind === "unfit") {
    throw new AgentError("internal.bug", {
      what: `${message.name}.${encoded.signal} ${encoded.problem}`,
      remedy: "report it",
    });
  }
  for (const [name, value] of Object.entries(signals)) {
    if (typeof value === "number" || !("checksum" in value)) continue;
    const signal = signalOf(message, name);
    const at = signal === undefined ? undefined : checksumByte(signal);
    if (at !== undefined) encoded.data[at] = checksumOf(value.checksum, encoded.data);
  }
  return encoded.data;
}

/** The next value of a counter; it wraps at the largest value that the DBC file states, or that its bits hold. */
function countUp(
  { name, bits, maximum, minimum, factor, offset, signed }: DbcSignal,
  counters: Map<string, number>,
): number {
  const raw = counters.get(name) ?? 0;
  const largest =
    minimum === 0 && maximum === 0 ? 2 ** (signed ? bits - 1 : bits) - 1 : Math.floor((maximum - offset) / factor);
  counters.set(name, raw >= largest ? 0 : raw + 1);
  return raw * factor + offset;
}

/** The byte that a whole-byte signal lies in. */
function checksumByte({ startBit, bits, byteOrder }: DbcSignal): number | undefined {
  const isWhole = bits === 8 && startBit % 8 === (byteOrder === "little" ? 0 : 7);
  return isWhole ? startBit >> 3 : undefined;
}

function signalOf(message: DbcMessage, name: string): DbcSignal | undefined {
  return message.signals.find((signal) => signal.name === name);
}
