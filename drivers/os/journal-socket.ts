import { fstatSync } from "node:fs";
import { constants } from "node:os";
import { createSocket } from "unix-dgram";
import { messageOf } from "../../agent/core/errors.ts";
import { type JournalLine, type JournalOutcome, journalEntry } from "./journal-entry.ts";

const SOCKET = "/run/systemd/journal/socket";
const IDENTIFIER = "causeway";
/** As the package has it: the negative number of the system error. */
const EAGAIN = -constants.errno.EAGAIN;

/**
 * Whether what is written to this descriptor goes to the journal: JOURNAL_STREAM has its device and inode (systemd.exec(5)). The variable
 * alone says nothing: it is inherited by whoever writes elsewhere.
 */
export function isJournal(environment: Readonly<Record<string, string | undefined>>, descriptor: number): boolean {
  const stream = environment.JOURNAL_STREAM;
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return stream === `${dev}:${ino}`;
  } catch {
    // Closed: nothing that is written there goes anywhere.
    return false;
  }
}

/** Sends lines to the journal with their fields. One that is not taken is the caller's to write elsewhere. Never waits: a journal that is full or gone refuses. */
export function journalSender(path = SOCKET): (line: JournalLine) => JournalOutcome {
  return (line) => sendDatagram(path, journalEntry(line, IDENTIFIER));
}

/** A socket a line, as for the notifier: an open one would keep the process alive. */
function sendDatagram(path: string, data: Buffer): JournalOutcome {
  let outcome: JournalOutcome = "taken";
  try {
    const socket = createSocket("unix_dgram");
    try {
      socket.send(data, 0, data.length, path, (error) => {
        if (error !== undefined) outcome = isBusy(error) ? "busy" : { problem: messageOf(error) };
      });
    } finally {
      socket.close();
    }
  } catch (thrown) {
    return { problem: messageOf(thrown) };
  }
  return outcome;
}

function isBusy(error: Error): boolean {
  return "code" in error && error.code === EAGAIN;
}
