import { type Clock, isBelievable } from "../core/clock.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import { type Action, type CommandClass, type Outcome, type Prepared, requiresSignatureAndLedger } from "./action.ts";
import {
  type Answer,
  type CommandRejection,
  failureAnswer,
  type ReasonCode,
  rejected,
  rejectionAnswer,
} from "./answer.ts";
import type { Authority, Grant } from "./authority.ts";
import { CLOCK_UNKNOWN, type TimeBounds, timeRejection } from "./command-times.ts";
import { type CommandLedger, orLedgerUnreadable } from "./ledger.ts";
import type { RejectionBudget } from "./rejection-budget.ts";
import type { Reporter } from "./report.ts";
import { type CommandRequest, type IncomingCommand, readRequest } from "./request.ts";

const CLOCK_POLL_MS = 250;

/** What every request meets. */
export type DispatchSettings = TimeBounds & {
  readonly thing: string;
  /** Longest payload that is read. */
  readonly maxRequestBytes: number;
  /** Commands that may run at a time, and reads besides. */
  readonly maxRunning: number;
  readonly maxReading: number;
  /** How long a command waits for a clock that can be believed; 0 refuses it at once. */
  readonly clockWaitMs: number;
  /** Kernel boot id. */
  readonly bootId: string;
  /** Why nothing but reads (R0) is taken; undefined where all is. */
  readonly readsOnly: string | undefined;
};

/** What dispatching needs. */
export type DispatchParts = {
  readonly settings: DispatchSettings;
  readonly actions: ReadonlyMap<string, Action>;
  readonly authority: Authority;
  readonly ledger: CommandLedger;
  readonly rejections: RejectionBudget;
  readonly reporter: Reporter;
  /** The actions that run, by the ledger's id of their command. */
  readonly running: Map<string, Action>;
  /** Those that wait for the clock, by the ledger's id; as many as may run. */
  readonly waiting: Map<string, Action>;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * The one line that every command takes, whichever door it came through: size, schema, repeat, authority, target, time, safety gate,
 * ledger (with "started", durably), act, result, report.
 *
 * All up to the first `await` happens before this returns for the first time, so that a message is acknowledged to the broker only
 * after the ledger has it. A repeat is known before its time is judged: it gets the answer it had, not a second one. One whose time
 * cannot be judged yet, since nothing vouches for the clock, is in the ledger while it waits for that. Gives the answer, or undefined
 * when it is told by whoever runs the same request, or after a restart.
 */
export async function dispatch(
  parts: DispatchParts,
  incoming: IncomingCommand,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const { settings, ledger, reporter } = parts;
  const read = readRequest(incoming, settings.maxRequestBytes);
  if (read.kind === "refused") return rejectOnce(parts, incoming, read);
  const { request } = read;
  const known = ledger.recall(request);
  if (known.kind === "running") return undefined;
  if (known.kind === "answered") return reporter.report(request, known.answer);
  const examined = known.kind === "refused" ? known : examine(parts, request);
  if (examined.kind === "refused") return rejectAndRemember(parts, request, examined);
  const { action, grant, plan } = examined;
  const next = plan.kind === "plan" ? (plan.prepared.unsafe() ?? plan) : plan;
  const taken = ledger.claim(request, action.commandClass === "R0", () => {
    parts.authority.use(grant);
    if (next.kind === "plan") ledger.start(request.ledgerId, heldBootId(action, settings));
  });
  if (taken !== undefined) return rejectAndRemember(parts, request, taken);
  const settled = parts.authority.settle(grant) ?? next;
  const ready = settled.kind === "waiting" ? await readyAfterWait(parts, action, request, signal) : settled;
  if (ready.kind === "refused")
    return reporter.report(request, ledger.finish(request.ledgerId, rejectionAnswer(ready)));
  const outcome = await act(parts, ready, request, signal);
  if (outcome.kind === "held") return undefined;
  return reporter.report(request, ledger.finish(request.ledgerId, answerOf(outcome)));
}

/** What would become of a request now, as far as can be said without doing it: changes nothing, and leaves the id unused. */
export function dryRun(
  parts: DispatchParts,
  incoming: IncomingCommand,
): CommandRejection | { readonly kind: "possible"; readonly action: string; readonly commandClass: string } {
  const read = readRequest(incoming, parts.settings.maxRequestBytes);
  if (read.kind === "refused") return read;
  if (parts.ledger.find(read.request.ledgerId) !== undefined)
    return rejected("ID_REUSED", "a request of this id came before");
  const examined = examine(parts, read.request);
  if (examined.kind === "refused") return examined;
  const { plan, action } = examined;
  const unsafe = plan.kind === "plan" ? plan.prepared.unsafe() : CLOCK_UNKNOWN;
  return unsafe ?? { kind: "possible", action: action.name, commandClass: action.commandClass };
}

/** Refuses a request before anything was done for it, and remembers that where it can; past the budget only where a repeat might act. */
function rejectAndRemember(parts: DispatchParts, request: CommandRequest, rejection: CommandRejection): Answer {
  const { ledger, rejections, reporter, actions } = parts;
  const isAudited = rejections.admits();
  if (!isAudited && isRejectedAgain(request, rejection.code, actions.get(request.action)?.commandClass)) {
    return rejectOnce(parts, request, rejection);
  }
  const answer = rejectionAnswer(rejection);
  if (!ledger.reject(request, answer, isAudited)) return rejectOnce(parts, request, rejection);
  if (!isAudited) rejections.count(request.reply.door, rejection.code);
  return reporter.report(request, answer);
}

/** Refuses what nothing remembers: it is counted, and told once. */
function rejectOnce(
  { rejections, reporter }: DispatchParts,
  from: Pick<IncomingCommand, "reply">,
  rejection: CommandRejection,
): Answer {
  rejections.count(from.reply.door, rejection.code);
  return reporter.reject(from, rejectionAnswer(rejection));
}

/** What stays wrong with a request however often it comes. */
const LASTING: ReadonlySet<ReasonCode> = new Set([
  "COMMAND_REQUEST_PARSING_FAILED",
  "NO_COMMAND_DISPATCHER_FOUND",
  "ACCESS_DENIED",
  "SIGNATURE_MISSING",
  "SIGNATURE_INVALID",
  "KEY_UNKNOWN",
  "KEY_REVOKED",
  "COUNTER_REPLAYED",
  "WRONG_THING",
  "EXPIRY_MISSING",
  "TIMED_OUT_BEFORE_DISPATCH",
  "ID_REUSED",
]);

/** Whether a repeat does no harm, though nobody remembers the refusal: it is refused again, or it reads. */
function isRejectedAgain(request: CommandRequest, code: ReasonCode, commandClass: CommandClass | undefined): boolean {
  if (LASTING.has(code) || commandClass === undefined || commandClass === "R0") return true;
  return requiresSignatureAndLedger(commandClass) && request.signature === undefined;
}

/** What is to be done for a request that may be done. */
type PreparedCommand = { readonly kind: "plan"; readonly action: Action; readonly prepared: Prepared };

/** A request that is allowed; it waits where nothing vouches for the clock yet. */
type ExaminedCommand = {
  readonly kind: "allowed";
  readonly action: Action;
  readonly grant: Grant;
  readonly plan: PreparedCommand | { readonly kind: "waiting" };
};

/** Everything that is decided before the ledger takes the command; changes nothing. */
function examine(parts: DispatchParts, request: CommandRequest): ExaminedCommand | CommandRejection {
  const { settings, actions, authority, waiting } = parts;
  if (request.decodeError !== undefined) return request.decodeError;
  const action = actions.get(request.action);
  if (action === undefined) return rejected("NO_COMMAND_DISPATCHER_FOUND", `there is no action ${request.action}`);
  if (settings.readsOnly !== undefined && action.commandClass !== "R0") {
    return rejected("UNAVAILABLE", settings.readsOnly);
  }
  const grant = orLedgerUnreadable(() => authority.authorise(request, action));
  if (grant.kind === "refused") return grant;
  if (request.thing !== undefined && request.thing !== settings.thing) {
    return rejected("WRONG_THING", `it is for ${request.thing}`);
  }
  const plan = prepare(parts, action, request);
  const mayWait = settings.clockWaitMs > 0 && fullOf(waiting, action, settings) === undefined;
  if (plan.kind === "plan") return { kind: "allowed", action, grant, plan };
  if (plan.code !== "CLOCK_NOT_TRUSTED" || !mayWait) return plan;
  // What will be refused whatever the time is needs no wait; what runs now may have ended by then.
  const rest = prepareUntimed(parts, action, request);
  if (rest.kind === "refused" && rest.code !== "BUSY") return rest;
  return { kind: "allowed", action, grant, plan: { kind: "waiting" } };
}

/** Whether time and state of the agent let an allowed request act now. */
function prepare(parts: DispatchParts, action: Action, request: CommandRequest): PreparedCommand | CommandRejection {
  const { settings, clock } = parts;
  const reading = { nowMs: clock.wallUs() / 1000, quality: clock.quality() };
  return timeRejection(request, action.commandClass, reading, settings) ?? prepareUntimed(parts, action, request);
}

/** Whether the state of the agent and the arguments let a request act that has come in time. */
function prepareUntimed(
  { settings, ledger, running }: DispatchParts,
  action: Action,
  request: CommandRequest,
): PreparedCommand | CommandRejection {
  const needsRecord =
    requiresSignatureAndLedger(action.commandClass) ||
    (request.signature !== undefined && action.commandClass !== "R0");
  const unknown = needsRecord ? ledger.fault() : undefined;
  if (unknown !== undefined) return rejected("LEDGER_UNREADABLE", unknown);
  const prepared = action.prepare(request.arguments);
  if (prepared.kind === "refused") return prepared;
  const rival = [...running.values()].find(({ uses }) => uses.some((one) => action.uses.includes(one)));
  if (rival !== undefined) return rejected("BUSY", `${rival.name} is running`);
  const full = fullOf(running, action, settings);
  if (full !== undefined) return rejected("BUSY", `${full} are running`);
  return { kind: "plan", action, prepared };
}

/** What takes all the places of actions like this one, as "4 reads"; undefined while one is free. Reads have places of their own. */
function fullOf(
  taken: ReadonlyMap<string, Action>,
  { commandClass }: Action,
  { maxReading, maxRunning }: DispatchSettings,
): string | undefined {
  const isRead = commandClass === "R0";
  const alike = [...taken.values()].filter((other) => (other.commandClass === "R0") === isRead).length;
  return alike < (isRead ? maxReading : maxRunning) ? undefined : `${alike} ${isRead ? "reads" : "commands"}`;
}

/** Waits until the clock can be believed, and judges the request then. The plan is started, durably, as it is given. */
async function readyAfterWait(
  parts: DispatchParts,
  action: Action,
  request: CommandRequest,
  signal: AbortSignal,
): Promise<PreparedCommand | CommandRejection> {
  const { settings, ledger, reporter, waiting, clock } = parts;
  const { ledgerId, restOfLifeMs } = request;
  const ended = new AbortController();
  const startMs = clock.monotonicMs();
  waiting.set(ledgerId, action);
  reporter.started(request, ended.signal);
  await believableClock(clock, settings.clockWaitMs, signal);
  ended.abort();
  waiting.delete(ledgerId);
  if (signal.aborted) return rejected("INTERRUPTED", "the agent is ending, or whoever asked has gone");
  const waitedMs = clock.monotonicMs() - startMs;
  const rest = restOfLifeMs === undefined ? undefined : restOfLifeMs - waitedMs;
  const plan = prepare(parts, action, { ...request, restOfLifeMs: rest });
  const ready = plan.kind === "plan" ? (plan.prepared.unsafe() ?? plan) : plan;
  if (ready.kind === "plan") ledger.start(ledgerId, heldBootId(action, settings));
  return ready;
}

async function believableClock(clock: Clock, withinMs: number, signal: AbortSignal): Promise<void> {
  const endMs = clock.monotonicMs() + withinMs;
  while (!isBelievable(clock.quality()) && clock.monotonicMs() < endMs && !signal.aborted) {
    await clock.sleep(CLOCK_POLL_MS, signal);
  }
}

/** What finds the end of an act after it: the boot in which it began, where it ends in a restart. */
function heldBootId({ endsInRestart }: Action, { bootId }: DispatchSettings): string | undefined {
  return endsInRestart ? bootId : undefined;
}

/** Runs the action within its time, and says so to whoever asked when it takes long. */
async function act(
  parts: DispatchParts,
  plan: PreparedCommand,
  request: CommandRequest,
  signal: AbortSignal,
): Promise<Outcome> {
  const { running, reporter, clock, log } = parts;
  const { action, prepared } = plan;
  const finished = new AbortController();
  const late = new AbortController();
  void clock.sleep(action.timeoutMs, finished.signal).then(() => late.abort());
  running.set(request.ledgerId, action);
  reporter.started(request, finished.signal);
  try {
    return await prepared.run(AbortSignal.any([signal, late.signal]));
  } catch (thrown) {
    // A bug that a request brings out costs that request: the next process would be sent it again.
    const code = thrown instanceof AgentError ? thrown.code : "internal.bug";
    log.error("command.failed", { action: action.name, code, what: messageOf(thrown) });
    return { kind: "failed", code: "INTERNAL_ERROR", description: messageOf(thrown) };
  } finally {
    running.delete(request.ledgerId);
    finished.abort();
  }
}

function answerOf(outcome: Exclude<Outcome, { kind: "held" }>): Answer {
  switch (outcome.kind) {
    case "done":
      return { status: "SUCCEEDED", reason: undefined, result: outcome.result };
    case "failed":
      return failureAnswer(outcome.code, outcome.description, outcome.result);
    case "refused":
      return rejectionAnswer(outcome);
  }
}
