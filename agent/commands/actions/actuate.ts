import type { ActuateConfig } from "../../../config/catalogue.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import { AgentError } from "../../core/errors.ts";
import type { BusState, CanBus } from "../../ports/can-bus.ts";
import type { SignalReading } from "../../signals/latest-signals.ts";
import { exactNameOf, type FoundMessage } from "../../signals/message-name.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import { buildSafetyGate, type SafetyGate, type SafetyGateParts } from "../../vehicle/safety-gate.ts";
import type { Action, Outcome } from "../action.ts";
import { type CommandRejection, rejected } from "../answer.ts";
import { type CommandFrame, type CompiledFrame, compileFrame } from "./command-frame.ts";
import type { FrameArgument } from "./frame-field.ts";

/** Between two looks at the signal that confirms, ms: no signal announces itself, so that the way of a frame stays short. */
const CONFIRM_POLL_MS = 10;
/** Time for what the frames themselves take beyond their pauses. */
const SEND_MARGIN_MS = 2000;

/** A bus that may be written to. */
export type TransmitBus = {
  readonly send: CanBus["send"];
  readonly state: () => { readonly state: BusState; readonly detail: string };
  /** Why nothing may be sent on it now, as it sleeps; absent where it never does. */
  readonly refusal?: () => string | undefined;
};

export type ActuateParts = SafetyGateParts & {
  busOf(name: string): TransmitBus | undefined;
  messageOf(bus: string, name: string): FoundMessage;
};

/** An action, or what is wrong with its entry in the catalogue. */
export type BuiltAction =
  | { readonly kind: "action"; readonly action: Action }
  | { readonly kind: "unfit"; readonly problems: readonly EntryProblem[] };

type Actuation = {
  readonly config: ActuateConfig;
  readonly bus: TransmitBus;
  readonly frame: CommandFrame;
  readonly gate: SafetyGate;
  readonly feedback: SignalEntry;
  /** The message with its bus, by which no two actions send it at a time. */
  readonly uses: string;
};

/**
 * An entry of the catalogue as an action of class R3: sends its message as often as it says, with the condition checked before each
 * frame, and succeeds only when the vehicle's own signal confirms it after the last one.
 */
export function buildActuation(config: ActuateConfig, parts: ActuateParts): BuiltAction {
  const bus = parts.busOf(config.bus);
  if (bus === undefined) return unfit([{ path: ["bus"], problem: `there is no bus ${config.bus}` }]);
  const message = parts.messageOf(config.bus, config.message);
  const frame = frameOf(config, message);
  const feedback = parts.signals.find(config.confirm.signal);
  const gate = buildSafetyGate(config.condition, parts);
  if (message.kind === "message" && frame.kind === "frame" && feedback.kind === "signal" && gate.kind === "gate") {
    const uses = `${config.bus}/${exactNameOf(message.message)}`;
    // For ever, as those of the gate: the answer must not be missed for want of a decoder.
    parts.signals.hold("confirmation", [feedback.signal]);
    const actuation = { config, bus, frame: frame.frame, gate: gate.gate, feedback: feedback.signal, uses };
    return { kind: "action", action: actionOf(actuation, parts) };
  }
  return unfit([
    ...(frame.kind === "unfit" ? frame.problems : []),
    ...(feedback.kind === "unfit" ? [{ path: ["confirm", "signal"], problem: feedback.problem }] : []),
    ...(gate.kind === "unfit"
      ? gate.problems.map(({ path, problem }) => ({ path: ["condition", ...path], problem }))
      : []),
  ]);
}

function frameOf({ signals }: ActuateConfig, message: FoundMessage): CompiledFrame {
  if (message.kind === "message") return compileFrame(signals, message.message);
  return { kind: "unfit", problems: [{ path: ["message"], problem: message.problem }] };
}

function unfit(problems: readonly EntryProblem[]): BuiltAction {
  return { kind: "unfit", problems };
}

function actionOf(actuation: Actuation, parts: ActuateParts): Action {
  const { name, summary, repeat, confirm } = actuation.config;
  return {
    name,
    summary,
    commandClass: "R3",
    keyRole: "commands",
    endsInRestart: false,
    uses: [actuation.uses],
    timeoutMs: repeat.count * repeat.everyMs + confirm.withinMs + SEND_MARGIN_MS,
    prepare: (given) => {
      const values = argumentsOf(actuation.frame.arguments, given);
      if (values.kind === "rejected") return values;
      return {
        kind: "prepared",
        unsafe: () => unsafeNow(actuation),
        run: (signal) => actuate(actuation, values.values, parts, signal),
      };
    },
  };
}

async function actuate(
  actuation: Actuation,
  given: ReadonlyMap<string, number>,
  parts: ActuateParts,
  signal: AbortSignal,
): Promise<Outcome> {
  const { clock } = parts;
  const { repeat } = actuation.config;
  for (let sent = 0; sent < repeat.count; sent += 1) {
    if (sent > 0) await clock.sleep(repeat.everyMs, signal);
    const stop = signal.aborted
      ? rejected("INTERRUPTED", "the agent is ending, or its time is over")
      : (unsafeNow(actuation) ?? busProblem(actuation));
    if (stop !== undefined)
      return sent === 0
        ? stop
        : { kind: "failed", code: stop.code, description: `after ${sent} frames: ${stop.description}` };
    const failure = await sendOne(actuation, given);
    if (failure !== undefined) return failure;
  }
  return await confirmed(actuation, parts, signal);
}

function unsafeNow({ gate }: Actuation): CommandRejection | undefined {
  const reason = gate.check();
  return reason === undefined ? undefined : rejected("PRECONDITION_FAILED", reason);
}

function busProblem({ bus, config }: Actuation): CommandRejection | undefined {
  const asleep = bus.refusal?.();
  if (asleep !== undefined) return rejected("PRECONDITION_FAILED", asleep);
  const { state, detail } = bus.state();
  return state === "up" || state === "error-passive"
    ? undefined
    : rejected("UNAVAILABLE", `bus ${config.bus} is ${state}: ${detail}`);
}

async function sendOne(actuation: Actuation, given: ReadonlyMap<string, number>): Promise<Outcome | undefined> {
  const { frame, bus } = actuation;
  const next = frame.next(given);
  try {
    await bus.send(next);
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    const { state, detail } = bus.state();
    return { kind: "failed", code: "WRITE_FAILED", description: `${thrown.message}; the bus is ${state}: ${detail}` };
  }
}

/**
 * Only a frame that the vehicle sent after the last of ours confirms it: the state may have been so before. By its time alone an old one
 * would look newer once the wall clock was set back.
 */
async function confirmed(
  actuation: Actuation,
  { signals, clock }: ActuateParts,
  signal: AbortSignal,
): Promise<Outcome> {
  const { signal: name, equals, tolerance, withinMs } = actuation.config.confirm;
  const sentAtUs = clock.wallUs();
  const before = signals.read(actuation.feedback);
  const isAnswer = ({ timeUs }: SignalReading): boolean => timeUs > sentAtUs && timeUs !== before?.timeUs;
  const endMs = clock.monotonicMs() + withinMs;
  for (;;) {
    const reading = signals.read(actuation.feedback);
    const answer = reading !== undefined && isAnswer(reading) ? reading : undefined;
    if (answer !== undefined && Math.abs(Number(answer.value) - equals) <= tolerance) {
      return { kind: "done", result: { [name]: String(answer.value) } };
    }
    if (clock.monotonicMs() >= endMs || signal.aborted) {
      const was = before === undefined ? "it never came" : `it was ${before.state ?? before.value} before`;
      const description =
        answer === undefined
          ? `${name} did not come within ${withinMs} ms of the last frame; ${was}`
          : `${name} is ${answer.state ?? answer.value}, not ${equals}, ${withinMs} ms after the last frame`;
      return { kind: "failed", code: "NO_RESPONSE", description };
    }
    await clock.sleep(CONFIRM_POLL_MS, signal);
  }
}

function argumentsOf(
  known: readonly FrameArgument[],
  given: Readonly<Record<string, unknown>>,
): CommandRejection | { readonly kind: "values"; readonly values: ReadonlyMap<string, number> } {
  const values = new Map<string, number>();
  for (const { name, minimum, maximum } of known) {
    const value = Object.hasOwn(given, name) ? given[name] : undefined;
    if (typeof value !== "number") return rejected("ARGUMENT_TYPE_MISMATCH", `${name}: must be a number`);
    if (!(value >= minimum && value <= maximum)) {
      return rejected("ARGUMENT_OUT_OF_RANGE", `${name}: ${value} is not within ${minimum} to ${maximum}`);
    }
    values.set(name, value);
  }
  const unknown = Object.keys(given).find((name) => !values.has(name));
  return unknown === undefined
    ? { kind: "values", values }
    : rejected("ARGUMENT_TYPE_MISMATCH", `${unknown}: unknown argument`);
}
