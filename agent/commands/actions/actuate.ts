import type { ActuateConfig } from "../../../config/catalogue.ts";
import type { EntryProblem } from "../../core/entry-problem.ts";
import { AgentError } from "../../core/errors.ts";
import type { BusState, CanBus } from "../../ports/can-bus.ts";
import { FRAME_FLAG } from "../../ports/frame.ts";
import type { DbcMessage } from "../../signals/dbc/model.ts";
import type { SignalReading } from "../../signals/latest-signals.ts";
import { exactNameOf, type FoundMessage } from "../../signals/message-name.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";
import { buildSafetyGate, type SafetyGate, type SafetyGateParts } from "../../vehicle/safety-gate.ts";
import type { Action, Outcome } from "../action.ts";
import { type CommandRejection, rejected } from "../answer.ts";
import { frameData, frameProblems } from "./command-frame.ts";

const CONFIRM_POLL_MS = 10;
/** Time for what the frames themselves take beyond their pauses. */
const SEND_MARGIN_MS = 2000;

/** A bus that may be written to. */
export type TransmitBus = {
  readonly send: CanBus["send"];
  readonly state: () => { readonly state: BusState; readonly detail: string };
};

/** What actions on a bus need. */
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
  if (bus === undefined)
    return { kind: "unfit", problems: [{ path: ["bus"], problem: `there is no bus ${config.bus}` }] };
  const message = parts.messageOf(config.bus, config.message);
  const feedback = parts.signals.find(config.confirm.signal);
  const gate = buildSafetyGate(config.condition, parts);
  if (message.kind === "message" && feedback.kind === "signal" && gate.kind === "gate") {
    const problems = frameProblems(config, message.message);
    if (problems.length > 0) return { kind: "unfit", problems };
    const facts = { message: message.message, gate: gate.gate, feedback: feedback.signal };
    return { kind: "action", action: actionOf({ config, bus, ...facts, counters: new Map() }, parts) };
  }
  const problems = [
    ...(message.kind === "message"
      ? frameProblems(config, message.message)
      : [{ path: ["message"], problem: message.problem }]),
    ...(feedback.kind === "signal" ? [] : [{ path: ["confirm", "signal"], problem: feedback.problem }]),
    ...(gate.kind === "gate"
      ? []
      : gate.problems.map(({ path, problem }) => ({ path: ["condition", ...path], problem }))),
  ];
  return { kind: "unfit", problems };
}

function actionOf(plan: Actuation, parts: ActuateParts): Action {
  const { name, summary, bus, repeat, confirm } = plan.config;
  return {
    name,
    summary,
    commandClass: "R3",
    keyRole: "commands",
    endsInRestart: false,
    uses: [`${bus}/${exactNameOf(plan.message)}`],
    timeoutMs: repeat.count * repeat.everyMs + confirm.withinMs + SEND_MARGIN_MS,
    prepare: (given) => {
      const values = argumentsOf(plan.config, given);
      if (values.kind === "refused") return values;
      return {
        kind: "prepared",
        unsafe: () => unsafeNow(plan),
        run: (signal) => actuate(plan, values.values, parts, signal),
      };
    },
  };
}

async function actuate(
  plan: Actuation,
  given: ReadonlyMap<string, number>,
  parts: ActuateParts,
  signal: AbortSignal,
): Promise<Outcome> {
  const { clock } = parts;
  const { repeat } = plan.config;
  for (let sent = 0; sent < repeat.count; sent += 1) {
    if (sent > 0) await clock.sleep(repeat.everyMs, signal);
    const stop = signal.aborted
      ? rejected("INTERRUPTED", "the agent is ending, or its time is over")
      : (unsafeNow(plan) ?? busProblem(plan));
    if (stop !== undefined)
      return sent === 0
        ? stop
        : { kind: "failed", code: stop.code, description: `after ${sent} frames: ${stop.description}` };
    const failure = await sendOne(plan, given);
    if (failure !== undefined) return failure;
  }
  return await confirmed(plan, parts, signal);
}

function unsafeNow({ gate }: Actuation): CommandRejection | undefined {
  const reason = gate.check();
  return reason === undefined ? undefined : rejected("PRECONDITION_FAILED", reason);
}

function busProblem({ bus, config }: Actuation): CommandRejection | undefined {
  const { state, detail } = bus.state();
  return state === "up" || state === "error-passive"
    ? undefined
    : rejected("UNAVAILABLE", `bus ${config.bus} is ${state}: ${detail}`);
}

async function sendOne(plan: Actuation, given: ReadonlyMap<string, number>): Promise<Outcome | undefined> {
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

/**
 * Only a frame that the vehicle sent after the last of ours confirms it: the state may have been so before. By its time alone an old one
 * would look newer once the wall clock was set back.
 */
async function confirmed(plan: Actuation, { signals, clock }: ActuateParts, signal: AbortSignal): Promise<Outcome> {
  const { signal: name, equals, tolerance, withinMs } = plan.config.confirm;
  const sentAtUs = clock.wallUs();
  const before = signals.read(plan.feedback);
  const isAnswer = ({ timeUs }: SignalReading): boolean => timeUs > sentAtUs && timeUs !== before?.timeUs;
  const endMs = clock.monotonicMs() + withinMs;
  for (;;) {
    const reading = signals.read(plan.feedback);
    const answer = reading !== undefined && isAnswer(reading) ? reading : undefined;
    if (answer !== undefined && Math.abs(Number(answer.value) - equals) <= tolerance) {
      return { kind: "done", result: { [name]: String(answer.value) } };
    }
    if (clock.monotonicMs() >= endMs || signal.aborted) {
      const was = before === undefined ? "it never came" : `it was ${before.value} before`;
      const description =
        answer === undefined
          ? `${name} did not come within ${withinMs} ms of the last frame; ${was}`
          : `${name} is ${answer.value}, not ${equals}, ${withinMs} ms after the last frame`;
      return { kind: "failed", code: "NO_RESPONSE", description };
    }
    await clock.sleep(CONFIRM_POLL_MS, signal);
  }
}

function argumentsOf(
  { signals }: ActuateConfig,
  given: Readonly<Record<string, unknown>>,
): CommandRejection | { readonly kind: "values"; readonly values: ReadonlyMap<string, number> } {
  const values = new Map<string, number>();
  const known = new Set<string>();
  for (const value of Object.values(signals)) {
    if (typeof value === "number" || !("argument" in value)) continue;
    known.add(value.argument);
    const argument = Object.hasOwn(given, value.argument) ? given[value.argument] : undefined;
    if (typeof argument !== "number") return rejected("ARGUMENT_TYPE_MISMATCH", `${value.argument}: must be a number`);
    if (!(argument >= value.minimum && argument <= value.maximum)) {
      return rejected(
        "ARGUMENT_OUT_OF_RANGE",
        `${value.argument}: ${argument} is not within ${value.minimum} to ${value.maximum}`,
      );
    }
    values.set(value.argument, argument);
  }
  const unknown = Object.keys(given).find((name) => !known.has(name));
  return unknown === undefined
    ? { kind: "values", values }
    : rejected("ARGUMENT_TYPE_MISMATCH", `${unknown}: unknown argument`);
}
