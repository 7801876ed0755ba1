import { isJournal, journalSender } from "../../drivers/os/journal-socket.ts";
import { createLog, type LogParts } from "../../drivers/os/log.ts";
import type { Log } from "../core/log.ts";
import type { ProcessContext } from "./parts.ts";

/** Descriptor of stdout. */
const STDOUT = 1;

/** The log of the daemon: lines on stdout, or, where that is the journal, entries of the journal with a field a fact. */
export function openLog(level: LogParts["level"], environment: ProcessContext["environment"]): Log {
  const priorityPrefix = isJournal(environment, STDOUT);
  return createLog(priorityPrefix ? { level, priorityPrefix, journal: journalSender() } : { level, priorityPrefix });
}
