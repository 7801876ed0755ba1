import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openJournal } from "../../drivers/sqlite/journal/journal.ts";
import { MemoryLog } from "../fakes/core/log.ts";
import { FakeJournal } from "../fakes/ports/journal.ts";
import { JOURNAL_BOUNDS, journalContract } from "./journal.suite.ts";

journalContract("SQLite", (clock) => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-journal-"));
  const file = join(folder, "journal.db");
  const open = () => openJournal({ ...JOURNAL_BOUNDS, file, clock, log: new MemoryLog(), reserveBytes: 0 });
  let journal = open();
  return {
    journal,
    lose: () => {
      journal.close();
      writeFileSync(file, "no database at all".repeat(1000));
      journal = open();
      return journal;
    },
    end: () => {
      journal.close();
      rmSync(folder, { recursive: true });
    },
  };
});
journalContract("fake", (clock) => {
  const journal = new FakeJournal({ ...JOURNAL_BOUNDS, clock });
  return {
    journal,
    lose: () => {
      journal.lose("damaged");
      return journal;
    },
    end: () => undefined,
  };
});
