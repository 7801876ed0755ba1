import { randomUUID } from "node:crypto";
import type { AuditTrail } from "../commands/audit.ts";
import { type DispatchParts, dispatch, dryRun } from "../commands/dispatch.ts";
import { firstCounterOf } from "../commands/key-set.ts";
import type { LedgerEntry } from "../commands/ledger.ts";
import type { LedgerSeal } from "../commands/ledger-seal.ts";
import type { IncomingCommand } from "../commands/request.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Journal } from "../ports/journal.ts";
import { commandsAcknowledge, commandsList, commandsRun, commandsShow, type ListedCommand } from "./commands-schema.ts";
import type { Status } from "./status-schema.ts";
import type { ServedVerb } from "./verb.ts";

export type CommandsParts = {
  readonly dispatchParts: DispatchParts;
  readonly audit: Pick<AuditTrail, "dropped">;
  readonly journal: Journal;
  readonly seal: LedgerSeal;
  readonly log: Log;
};

const VERBS = [commandsList, commandsShow, commandsRun, commandsAcknowledge] as const;

/**
 * The verbs of remote commands. Who runs one is known by what they claim alone: Node does not give the peer's credentials (SO_PEERCRED,
 * unix(7)), and what /proc tells of a socket is no proof of who holds its other end.
 */
export function commandsHandlers(parts: CommandsParts | undefined): readonly ServedVerb[] {
  if (parts === undefined) return VERBS.map((verb) => verb.answeredBy(noCommands));
  const { dispatchParts, journal, seal, log } = parts;
  const { ledger } = dispatchParts;
  return [
    commandsList.answeredBy(({ limit }) => ({ schemaVersion: 1, commands: ledger.list(limit).map(rowOf) })),
    commandsShow.answeredBy(({ id }) => {
      const entry = ledger.find(id);
      return { schemaVersion: 1, command: entry === undefined ? null : rowOf(entry) };
    }),
    commandsRun.answeredBy(async ({ payload, isDryRun, claimedBy }, signal) => {
      const incoming = localCommand(payload, claimedBy);
      if (isDryRun) return { schemaVersion: 1, verdict: dryRun(dispatchParts, incoming) };
      log.warn("admin.command-requested", { claimedBy });
      return { schemaVersion: 1, answer: (await dispatch(dispatchParts, incoming, signal)) ?? null };
    }),
    commandsAcknowledge.answeredBy(async () => {
      const status = journal.status();
      if (status.kind === "lost") {
        await seal.acknowledge();
        log.warn("admin.loss-acknowledged", { what: status.what, generation: seal.generation() });
      }
      return { schemaVersion: 1, wasLost: status.kind === "lost", firstCounter: firstCounterOf(seal.generation()) };
    }),
  ];
}

/** What the status says of commands; undefined where none are taken. */
export function commandStatus(parts: CommandsParts | undefined): Status["commands"] {
  if (parts === undefined) return undefined;
  const { dispatchParts, audit, journal, seal } = parts;
  const status = journal.status();
  const fault = status.kind === "lost" ? status.what : seal.fault();
  const { commands, maxCommands, refused, forgottenRejections } = journal.stats();
  return {
    ledger: status.kind === "sound" && fault !== undefined ? "unvouched" : status.kind,
    ...(fault === undefined ? {} : { what: fault }),
    remembered: commands,
    maxCommands,
    refused,
    forgottenRejections,
    rejectedOverBudget: dispatchParts.rejections.counted,
    auditDropped: audit.dropped,
    running: dispatchParts.runner.slots.size,
    ended: dispatchParts.ledger.ended(),
    rejected: { ...dispatchParts.rejections.reasons() },
  };
}

function localCommand(payload: string, claimedBy: string | undefined): IncomingCommand {
  const bytes = new TextEncoder().encode(payload);
  return {
    id: randomUUID(),
    payload: bytes,
    format: "json",
    reply: { channel: "local", claimedBy },
    restOfLifeMs: undefined,
  };
}

function rowOf({ id, action, state, isReported, reply, answer }: LedgerEntry): ListedCommand {
  return {
    id,
    action,
    channel: reply.channel,
    state,
    isReported,
    status: answer?.status,
    reason: answer?.reason,
    result: answer?.result,
  };
}

/** Answers a verb about commands where none are taken. */
function noCommands(): never {
  throw new AgentError("config.invalid", {
    what: "this agent takes no remote commands",
    remedy: "add the section commands to its configuration",
  });
}
