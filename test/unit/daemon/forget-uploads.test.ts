import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { forgetUploads } from "../../../agent/daemon/forget-uploads.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

describe("forgetUploads", () => {
  it("removes held files and the URLs they were to go to, and nothing of others", async () => {
    const stateDir = temporaryFolder();
    mkdirSync(join(stateDir, "uploads"));
    writeFileSync(join(stateDir, "uploads", "u-1"), "held");
    const journal = new FakeJournal({ clock: new ManualClock() });
    journal.put([
      { space: "uploads", key: "plan:u-1", value: { url: "https://b.example.com/?X-Amz-Signature=canary" } },
      { space: "uploads", key: "day", value: { day: 1, bytes: 2 } },
      { space: "vehicle-state", key: "kept", value: 1 },
    ]);
    const log = new MemoryLog();
    await forgetUploads({ stateDir, journal, log });
    expect(existsSync(join(stateDir, "uploads"))).toBe(false);
    expect([journal.list("uploads"), journal.list("vehicle-state").length]).toEqual([[], 1]);
    const { writes } = journal;
    await forgetUploads({ stateDir, journal, log });
    expect([journal.writes, log.entries]).toEqual([writes, []]);
  });

  it("removes files at once where there is no journal, and the URLs once there is one", async () => {
    const stateDir = temporaryFolder();
    mkdirSync(join(stateDir, "uploads"));
    writeFileSync(join(stateDir, "uploads", "u-1"), "held");
    const journal = new FakeJournal({ clock: new ManualClock() });
    journal.put([{ space: "uploads", key: "day", value: { day: 1, bytes: 2 } }]);
    const log = new MemoryLog();
    await forgetUploads({ stateDir, journal: undefined, log });
    expect(existsSync(join(stateDir, "uploads", "u-1"))).toBe(false);
    await forgetUploads({ stateDir, journal, log });
    expect([journal.list("uploads"), existsSync(join(stateDir, "uploads")), log.entries]).toEqual([[], false, []]);
  });

  it("lets the agent start where the journal does not take it, and says so", async () => {
    const journal = new FakeJournal({ clock: new ManualClock() });
    journal.put([{ space: "uploads", key: "day", value: { day: 1, bytes: 2 } }]);
    journal.failNext(new AgentError("journal.unavailable", { what: "as the test wants it", remedy: "" }));
    const log = new MemoryLog();
    const stateDir = temporaryFolder();
    mkdirSync(join(stateDir, "uploads"));
    await forgetUploads({ stateDir, journal, log });
    expect(log.entries.map(({ event }) => event)).toEqual(["upload.not-forgotten"]);
    await forgetUploads({ stateDir, journal, log });
    expect(journal.list("uploads")).toEqual([]);
  });
});
