import { isJournalFault, type Journal } from "../ports/journal.ts";
import { memoryJournal } from "../telemetry/durable-records/memory-journal.ts";
import type { Runtime } from "./parts.ts";

/**
 * What `open` makes with the journal. Where that cannot be read `event` is logged, and it is made with a stand-in in memory, which says that
 * what was kept is lost.
 */
export function openKept<Opened>(
  open: (standIn: (ReturnType<typeof memoryJournal> & Pick<Journal, "status">) | undefined) => Opened,
  event: string,
  log: Runtime["log"],
): Opened {
  try {
    return open(undefined);
  } catch (thrown) {
    if (!isJournalFault(thrown)) throw thrown;
    log.error(event, { code: thrown.code, what: thrown.message, remedy: thrown.remedy });
    return open({ ...memoryJournal(), status: () => ({ kind: "lost", what: thrown.message, sinceUs: 0 }) });
  }
}
