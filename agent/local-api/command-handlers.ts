import { randomUUID } from "node:crypto";
import { z } from "zod";
import type { AuditTrail } from "../commands/audit.ts";
import { type DispatchParts, dispatch, dryRun } from "../commands/dispatch.ts";
import { firstCounterOf } from "../commands/key-set.ts";
import type { LedgerEntry } from "../commands/ledger.ts";
import type { LedgerSeal } from "../commands/ledger-seal.ts";
import type { IncomingCommand } from "../commands/request.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Journal } from "../ports/journal.ts";
import type { ViewHandler } from "./signals-handlers.ts";
import type { Status } from "./status-schema.ts";

/** What the local sockets need of remote commands; undefined where none are taken. */
export type CommandHandlerParts =
  | {
      readonly dispatchParts: DispatchParts;
      readonly audit: Pick<AuditTrail, "dropped">;
      readonly journal: Journal;
      readonly seal: LedgerSeal;
      readonly log: Log;
    }
  | undefined;

const listRequest = z.object({ limit: z.int().min(1).max(1000).default(50) });
const showRequest = z.object({ id: z.string().min(1).max(600) });
const runRequest = z.object({
  payload: z.string().max(60_000),
  isDryRun: z.boolean().default(false),
  claimedBy: z.string().max(64).optional(),
});

/** The verbs of view.sock about commands: `commands.list`, `commands.show`. */
export function commandView(parts: CommandHandlerParts): Readonly<Record<string, ViewHandler>> {
  if (parts === undefined) return { "commands.list": noCommands, "commands.show": noCommands };
  const { ledger } = parts.dispatchParts;
  return {
    "commands.list": (request) => {
      const { limit } = listRequest.parse(request);
      return { schemaVersion: 1, commands: ledger.list(limit).map(rowOf) };
    },
    "commands.show": (request) => {
      const entry = ledger.find(showRequest.parse(request).id);
      return { schemaVersion: 1, command: entry === undefined ? null : rowOf(entry) };
    },
  };
}

/**
 * The verbs of admin.sock about commands: `commands.run`, which takes the same line as a request from afar, signature included, and
 * `commands.acknowledge`, which says that someone knows of a lost ledger. Who asks is known by what they claim alone: Node does not
 * give the peer's credentials (SO_PEERCRED, unix(7)), and what /proc tells of a socket is no proof of who holds its other end.
 */
export function commandAdmin(parts: CommandHandlerParts): Readonly<Record<string, ViewHandler>> {
  if (parts === undefined) return { "commands.run": noCommands, "commands.acknowledge": noCommands };
  const { dispatchParts, journal, seal, log } = parts;
  return {
    "commands.run": async (request, signal) => {
      const { payload, isDryRun, claimedBy } = runRequest.parse(request);
      const incoming = localCommand(payload, claimedBy);
      if (isDryRun) return { schemaVersion: 1, verdict: dryRun(dispatchParts, incoming) };
      log.warn("admin.command-requested", { claimedBy });
      return { schemaVersion: 1, answer: (await dispatch(dispatchParts, incoming, signal)) ?? null };
    },
    "commands.acknowledge": async () => {
      const status = journal.status();
      if (status.kind === "lost") {
        await seal.acknowledge();
        log.warn("admin.loss-acknowledged", { what: status.what, generation: seal.generation() });
      }
      return { schemaVersion: 1, wasLost: status.kind === "lost", firstCounter: firstCounterOf(seal.generation()) };
    },
  };
}

/** What the status says of commands. */
export function commandStatus(parts: CommandHandlerParts): Status["commands"] {
  if (parts === undefined) return undefined;
  const { dispatchParts, audit, journal, seal } = parts;
  const status = journal.status();
  const fault = status.kind === "lost" ? status.what : seal.fault();
  const { commands, maxCommands, refused, forgottenRefusals } = journal.stats();
  return {
    ledger: status.kind === "sound" && fault !== undefined ? "unvouched" : status.kind,
    ...(fault === undefined ? {} : { what: fault }),
    remembered: commands,
    maxCommands,
    refused,
    forgottenRefusals,
    turnedAway: dispatchParts.rejections.counted,
    auditDropped: audit.dropped,
    running: dispatchParts.running.size,
  };
}

function localCommand(payload: string, claimedBy: string | undefined): IncomingCommand {
  const bytes = new TextEncoder().encode(payload);
  return {
    id: randomUUID(),
    payload: bytes,
    format: "json",
    reply: { door: "local", claimedBy },
    restOfLifeMs: undefined,
  };
}

function rowOf({ id, action, state, isReported, reply, answer }: LedgerEntry): unknown {
  return {
    id,
    action,
    door: reply.door,
    state,
    isReported: isReported,
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
