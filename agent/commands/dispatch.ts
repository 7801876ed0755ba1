import { type Action, type CommandClass, type Outcome, requiresSignatureAndLedger } from "./action.ts";
import type { ActionRunner, PreparedCommand } from "./action-runner.ts";
import {
  type Answer,
  type CommandRejection,
  failureAnswer,
  type ReasonCode,
  rejected,
  rejectionAnswer,
} from "./answer.ts";
import type { Authority, Grant } from "./authority.ts";
import type { CommandClock } from "./command-clock.ts";
import { CLOCK_UNKNOWN, type TimeBounds, timeRejection } from "./command-times.ts";
import { type CommandLedger, orLedgerUnreadable } from "./ledger.ts";
import type { RejectionBudget } from "./rejection-budget.ts";
import type { Reporter } from "./report.ts";
import { type CommandRequest, type IncomingCommand, readRequest } from "./request.ts";

/** What every request meets. */
export type DispatchSettings = TimeBounds & {
  readonly thing: string;
  /** Longest payload that is read. */
  readonly maxRequestBytes: number;
  /** Kernel boot id. */
  readonly bootId: string;
  /** Why nothing but reads (R0) is taken; undefined where all is. */
  readonly readsOnly: string | undefined;
};

export type DispatchParts = {
  readonly settings: DispatchSettings;
  readonly actions: ReadonlyMap<string, Action>;
  readonly authority: Authority;
  readonly ledger: CommandLedger;
  readonly rejections: RejectionBudget;
  readonly reporter: Reporter;
  readonly runner: ActionRunner;
  readonly clock: CommandClock;
};

/**
 * The one line that every command takes, whichever channel it came on: size, schema, repeat, authority, target, time, safety gate,
 * ledger (with "started", durably), act, result, report.
 *
 * All up to the first `await` happens before this returns for the first time, so that a message is acknowledged to the broker only
 * after the ledger has it. A repeat is known before its time is judged: it gets the answer it had, not a second one. One whose time
 * cannot be judged yet, since nothing vouches for the clock, whose turn has not come, or whose doer may still come, is in the ledger while it waits for that. Gives the answer, or undefined
 * when it is told by whoever runs the same request, or after a restart.
 */
export async function dispatch(
  parts: DispatchParts,
  incoming: IncomingCommand,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const { settings, ledger, reporter } = parts;
  const read = readRequest(incoming, settings.maxRequestBytes);
  if (read.kind === "rejected") {
    parts.rejections.note(incoming.reply.channel, read.code);
    return rejectOnce(parts, incoming, read);
  }
  const { request } = read;
  const known = ledger.recall(request);
  if (known.kind === "running") return undefined;
  if (known.kind === "answered") return reporter.report(request, known.answer);
  const examined = known.kind === "rejected" ? known : examine(parts, request);
  const claimed = examined.kind === "rejected" ? examined : claim(parts, request, examined);
  if (claimed.kind === "rejected") return rejectAndRemember(parts, request, claimed);
  return await carryOut(parts, request, claimed, signal);
}

/** Has the ledger take an allowed command, as started where it acts at once; gives why it does not. */
function claim(
  { settings, authority, ledger, clock }: DispatchParts,
  request: CommandRequest,
  { action, grant, plan }: ExaminedCommand,
): ClaimedCommand | CommandRejection {
  const now = ifSafe(plan);
  const next = mayActWithDoer(now) && clock.mayAwait(action) ? ({ kind: "waiting", for: "doer" } as const) : now;
  const rejection = ledger.claim(request, action.commandClass === "R0", () => {
    authority.use(grant);
    if (next.kind === "plan") ledger.start(request.ledgerId, heldBootId(action, settings));
  });
  return rejection ?? { kind: "claimed", action, next: authority.settle(grant) ?? next };
}

/** Whether nothing stands against a command but that who does it is not there. */
function mayActWithDoer(now: PreparedCommand | Waiting | CommandRejection): boolean {
  return now.kind === "plan" || (now.kind === "rejected" && now.code === "UNAVAILABLE");
}

/** Brings a claimed command to its end, which the ledger has before anybody is told. */
async function carryOut(
  parts: DispatchParts,
  request: CommandRequest,
  { action, next }: ClaimedCommand,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  const { ledger, reporter, runner } = parts;
  const ready = next.kind === "waiting" ? await readyAfterWait(parts, action, request, signal) : next;
  const outcome = ready.kind === "plan" ? await runner.run(ready, request, signal) : ready;
  if (outcome.kind === "held") return undefined;
  return reporter.report(request, ledger.finish(request.ledgerId, answerOf(outcome)));
}

/** What would become of a request now, as far as can be said without doing it: changes nothing, and leaves the id unused. */
export function dryRun(
  parts: DispatchParts,
  incoming: IncomingCommand,
): CommandRejection | { readonly kind: "possible"; readonly action: string; readonly commandClass: string } {
  const read = readRequest(incoming, parts.settings.maxRequestBytes);
  if (read.kind === "rejected") return read;
  if (parts.ledger.find(read.request.ledgerId) !== undefined)
    return rejected("ID_REUSED", "a request of this id came before");
  const examined = examine(parts, read.request);
  if (examined.kind === "rejected") return examined;
  const { plan, action } = examined;
  return stands(plan) ?? { kind: "possible", action: action.name, commandClass: action.commandClass };
}

/** What stands against an allowed request at this moment; a turn comes. */
function stands(plan: PreparedCommand | Waiting): CommandRejection | undefined {
  if (plan.kind === "plan") return plan.prepared.unsafe();
  return plan.for === "clock" ? CLOCK_UNKNOWN : undefined;
}

/** Refuses a request before anything was done for it, and remembers that where it can; past the budget only where a repeat might act. */
function rejectAndRemember(parts: DispatchParts, request: CommandRequest, rejection: CommandRejection): Answer {
  const { ledger, rejections, reporter, actions } = parts;
  rejections.note(request.reply.channel, rejection.code);
  const isAudited = rejections.admits();
  if (!isAudited && isRejectedAgain(request, rejection.code, actions.get(request.action)?.commandClass)) {
    return rejectOnce(parts, request, rejection);
  }
  const answer = rejectionAnswer(rejection);
  if (!ledger.reject(request, answer, isAudited)) return rejectOnce(parts, request, rejection);
  if (!isAudited) rejections.count(request.reply.channel, rejection.code);
  return reporter.report(request, answer);
}

/** Refuses what nothing remembers: it is counted, and told once. */
function rejectOnce(
  { rejections, reporter }: DispatchParts,
  from: Pick<IncomingCommand, "reply">,
  rejection: CommandRejection,
): Answer {
  rejections.count(from.reply.channel, rejection.code);
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

/** Whether a repeat does no harm, though nobody remembers the rejection: it is refused again, or it reads. */
function isRejectedAgain(request: CommandRequest, code: ReasonCode, commandClass: CommandClass | undefined): boolean {
  if (LASTING.has(code) || commandClass === undefined || commandClass === "R0") return true;
  return requiresSignatureAndLedger(commandClass) && request.signature === undefined;
}

/** A request that is allowed; it waits where nothing vouches for the clock yet, or where its turn has not come. */
type ExaminedCommand = {
  readonly kind: "allowed";
  readonly action: Action;
  readonly grant: Grant;
  readonly plan: PreparedCommand | Waiting;
};
type Waiting = { readonly kind: "waiting"; readonly for: "clock" | "turn" | "doer" };

/** A command that the ledger has taken, and what becomes of it. */
type ClaimedCommand = {
  readonly kind: "claimed";
  readonly action: Action;
  readonly next: PreparedCommand | Waiting | CommandRejection;
};

/** Everything that is decided before the ledger takes the command; changes nothing. */
function examine(parts: DispatchParts, request: CommandRequest): ExaminedCommand | CommandRejection {
  if (request.decodeError !== undefined) return request.decodeError;
  const action = parts.actions.get(request.action);
  if (action === undefined) return rejected("NO_COMMAND_DISPATCHER_FOUND", `there is no action ${request.action}`);
  const grant = authorise(parts, action, request);
  if (grant.kind === "rejected") return grant;
  const plan = prepareOrWait(parts, action, request);
  return plan.kind === "rejected" ? plan : { kind: "allowed", action, grant, plan };
}

/** Whether whoever asks may, and asks the right vehicle. */
function authorise(
  { settings, authority }: DispatchParts,
  action: Action,
  request: CommandRequest,
): Grant | CommandRejection {
  const { readsOnly, thing } = settings;
  if (readsOnly !== undefined && action.commandClass !== "R0") return rejected("UNAVAILABLE", readsOnly);
  const grant = orLedgerUnreadable(() => authority.authorise(request, action));
  if (grant.kind === "rejected") return grant;
  const isForAnother = request.thing !== undefined && request.thing !== thing;
  return isForAnother ? rejected("WRONG_THING", `it is for ${request.thing}`) : grant;
}

/** Whether an allowed request may act now, or waits: for its turn, or for a clock that can be believed. */
function prepareOrWait(
  parts: DispatchParts,
  action: Action,
  request: CommandRequest,
): PreparedCommand | Waiting | CommandRejection {
  const plan = prepare(parts, action, request);
  if (plan.kind === "rejected" && plan.code === "BUSY" && parts.runner.mayQueue(action)) {
    return { kind: "waiting", for: "turn" };
  }
  if (plan.kind === "plan" || plan.code !== "CLOCK_NOT_TRUSTED" || !parts.clock.mayWait(action)) return plan;
  // What will be refused whatever the time is needs no wait; what runs now may have ended by then.
  const rest = prepareUntimed(parts, action, request);
  return rest.kind === "rejected" && rest.code !== "BUSY" ? rest : { kind: "waiting", for: "clock" };
}

/** Whether time and state of the agent let an allowed request act now. */
function prepare(parts: DispatchParts, action: Action, request: CommandRequest): PreparedCommand | CommandRejection {
  const { settings, clock } = parts;
  return (
    timeRejection(request, action.commandClass, clock.reading(), settings) ?? prepareUntimed(parts, action, request)
  );
}

/** Whether the state of the agent and the arguments let a request act that has come in time. */
function prepareUntimed(
  { ledger, runner }: DispatchParts,
  action: Action,
  request: CommandRequest,
): PreparedCommand | CommandRejection {
  const needsRecord =
    requiresSignatureAndLedger(action.commandClass) ||
    (request.signature !== undefined && action.commandClass !== "R0");
  const unknown = needsRecord ? ledger.fault() : undefined;
  if (unknown !== undefined) return rejected("LEDGER_UNREADABLE", unknown);
  const prepared = action.prepare(request.arguments, request.ledgerId);
  if (prepared.kind === "rejected") return prepared;
  const busy = runner.busy(action, request);
  return busy === undefined ? { kind: "plan", action, prepared } : rejected("BUSY", busy);
}

/** Waits until the clock can be believed, who does it is there or comes no more, and it is the command's turn, and judges the request then. The plan is started, durably, as it is given. */
async function readyAfterWait(
  parts: DispatchParts,
  action: Action,
  request: CommandRequest,
  signal: AbortSignal,
): Promise<PreparedCommand | CommandRejection> {
  const { settings, ledger, clock, runner } = parts;
  const startMs = clock.monotonicMs();
  const now = (): CommandRequest => withoutWait(request, clock.monotonicMs() - startMs);
  const isOver = (): boolean => timeRejection(now(), action.commandClass, clock.reading(), settings) !== undefined;
  if (isOver()) await clock.wait(request, action, signal);
  if (clock.mayAwait(action)) await clock.awaitDoer(request, action, isOver, signal);
  let begins = false;
  try {
    if (runner.mayQueue(action)) await runner.turn(action, request, isOver, signal);
    if (signal.aborted) return rejected("INTERRUPTED", "the agent is ending, or whoever asked has gone");
    const ready = ifSafe(prepare(parts, action, now()));
    if (ready.kind === "plan") ledger.start(request.ledgerId, heldBootId(action, settings));
    begins = ready.kind === "plan";
    return ready;
  } finally {
    runner.leave(action, request, begins);
  }
}

/** A request as it is after it has waited: the rest of its message's life is shorter. */
function withoutWait(request: CommandRequest, waitedMs: number): CommandRequest {
  const { restOfLifeMs } = request;
  return restOfLifeMs === undefined ? request : { ...request, restOfLifeMs: restOfLifeMs - waitedMs };
}

/** What is prepared, unless the vehicle's state stands against it. */
function ifSafe<T extends Waiting | CommandRejection>(
  plan: PreparedCommand | T,
): PreparedCommand | T | CommandRejection {
  return plan.kind === "plan" ? (plan.prepared.unsafe() ?? plan) : plan;
}

/** What finds the end of an act after it: the boot in which it began, where it ends in a restart. */
function heldBootId({ endsInRestart }: Action, { bootId }: DispatchSettings): string | undefined {
  return endsInRestart ? bootId : undefined;
}

function answerOf(outcome: Exclude<Outcome, { kind: "held" }>): Answer {
  switch (outcome.kind) {
    case "done":
      return { status: "SUCCEEDED", reason: outcome.reason, result: outcome.result };
    case "failed":
      return failureAnswer(outcome.code, outcome.description, outcome.result);
    case "rejected":
      return rejectionAnswer(outcome);
  }
}
