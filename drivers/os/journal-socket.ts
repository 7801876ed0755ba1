import { fstatSync } from "node:fs";
import { createSocket } from "unix-dgram";
import { messageOf } from "../../agent/core/errors.ts";
import { type JournalLine, journalEntry } from "./journal-entry.ts";

const SOCKET = "/run/systemd/journal/socket";
const IDENTIFIER = "causeway";

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

/**
 * Sends lines to the journal with their fields. Gives why one was not taken, and then it is the caller's to write it elsewhere. Never
 * waits: a journal that is full or gone refuses.
 */
export function journalSender(path = SOCKET): (line: JournalLine) => string | undefined {
  return (line) => sendDatagram(path, journalEntry(line, IDENTIFIER));
}

/** A socket a line, as for the notifier: an open one would keep the process alive. */
function sendDatagram(path: string, data: Buffer): string | undefined {
  let problem: string | undefined;
  try {
    const socket = createSocket("unix_dgram");
    try {
      socket.send(data, 0, data.length, path, (error) => {
        if (error !== undefined) problem = messageOf(error);
      });
    } finally {
      socket.close();
    }
  } catch (thrown) {
    problem = messageOf(thrown);
  }
  return problem;
}
