import { describe, expect, it } from "vitest";
import { createRollbackIndexes } from "../../../../agent/updates/trust/rollback-indexes.ts";
import { RootStore } from "../../../../agent/updates/trust/root-store.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";
import { rootBytes, signaturesOf, testKey, testRoot } from "../../../fakes/updates/signing.ts";

const [rootKey, releaseKey, strangeKey] = [testKey(), testKey(), testKey()];
const plan = { rootKeys: [rootKey], releaseKeys: [releaseKey] };

function signed(version: number, by = rootKey) {
  const bytes = rootBytes({ ...plan, version });
  return { document: new TextDecoder().decode(bytes), signatures: signaturesOf(bytes, by) };
}

function setUp(pinnedVersion = 1) {
  const journal = new FakeJournal({ clock: new ManualClock() });
  const log = new MemoryLog();
  const places: { copy: unknown } = { copy: undefined };
  const copy = { read: () => places.copy, write: (document: string) => (places.copy = document) };
  const rollbackIndexes = createRollbackIndexes(journal, { read: () => undefined, write: () => undefined });
  const pinned = testRoot({ ...plan, version: pinnedVersion });
  return { journal, log, places, roots: new RootStore({ journal, copy, pinned, rollbackIndexes, log }) };
}

describe("RootStore", () => {
  it("begins with the pinned root, and takes those that follow it", async () => {
    const { roots, log } = setUp();
    expect(roots.current().document.version).toBe(1);
    await roots.take(signed(2));
    await roots.take(signed(3));
    expect(roots.current().document.version).toBe(3);
    expect(log.of("update.root-rotated")).toHaveLength(2);
  });

  it("takes none that somebody else has signed, and passes over those that it knows", async () => {
    const { roots, log } = setUp();
    await roots.take(signed(2, strangeKey));
    expect(roots.current().document.version).toBe(1);
    await roots.take(signed(2));
    await roots.take(signed(2));
    expect(roots.current().document.version).toBe(2);
    expect(log.entries.filter(({ level }) => level === "warn")).toHaveLength(1);
  });

  it("has the newest of journal, copy and package, and leaves a damaged copy", async () => {
    const { roots, journal, places } = setUp();
    await roots.take(signed(2));
    places.copy = "{";
    expect(roots.current().document.version).toBe(2);
    places.copy = signed(3).document;
    expect(roots.current().document.version).toBe(3);
    journal.put([{ space: "update", key: "root", value: undefined }]);
    places.copy = undefined;
    expect(roots.current().document.version).toBe(1);
    expect(setUp(4).roots.current().document.version).toBe(4);
  });

  it("knows that a root was in force which is lost", async () => {
    const { roots, journal, places } = setUp();
    expect(roots.lostVersion()).toBeUndefined();
    await roots.take(signed(2));
    expect(roots.lostVersion()).toBeUndefined();
    journal.put([{ space: "update", key: "root", value: undefined }]);
    places.copy = undefined;
    expect(roots.lostVersion()).toBe(2);
  });
});
