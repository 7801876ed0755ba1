import { isJournal, journalSender } from "../../drivers/os/journal-socket.ts";
import { createLog, type LogParts } from "../../drivers/os/log.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { ProcessContext } from "./process-context.ts";

/** Descriptor of stdout. */
const STDOUT = 1;

/** The log of the daemon: lines on stdout, or, where that is the journal, entries of the journal with a field a fact. */
export function openLog(level: LogParts["level"], environment: ProcessContext["environment"]): Log {
  const priorityPrefix = isJournal(environment, STDOUT);
  return createLog(priorityPrefix ? { level, priorityPrefix, journal: journalSender() } : { level, priorityPrefix });
}

/** Tells the journal, where stdout is that, which fault ends the daemon: what is printed of it on stderr has no code to look for. */
export function logFailure(thrown: unknown, environment: ProcessContext["environment"]): void {
  if (!isJournal(environment, STDOUT)) return;
  const { code, remedy } = thrown instanceof AgentError ? thrown : { code: "internal.bug", remedy: "report it" };
  openLog("error", environment).error("agent.failed", { code, what: messageOf(thrown), remedy });
}
