import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "../../drivers/sqlite/journal.ts";
import { FakeJournal } from "../fakes/journal.ts";
import { MemoryLog } from "../fakes/log.ts";
import { JOURNAL_BOUNDS, journalContract } from "./journal.suite.ts";

journalContract("SQLite", (clock) => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-journal-"));
  const file = join(folder, "journal.db");
  const journal = openJournal({ ...JOURNAL_BOUNDS, file, clock, log: new MemoryLog(), reserveBytes: 0 });
  return {
    journal,
    end: () => {
      journal.close();
      rmSync(folder, { recursive: true });
    },
  };
});
journalContract("fake", (clock) => ({
  journal: new FakeJournal({ ...JOURNAL_BOUNDS, clock }),
  end: () => undefined,
}));
