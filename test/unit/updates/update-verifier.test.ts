import { describe, expect, it } from "vitest";
import type { UpdateSteps } from "../../../agent/updates/step-outcome.ts";
import { createRollbackIndexes } from "../../../agent/updates/trust/rollback-indexes.ts";
import { RootStore } from "../../../agent/updates/trust/root-store.ts";
import { journalStore } from "../../../agent/updates/update-record.ts";
import { type UpdateOrder, UpdateVerifier } from "../../../agent/updates/update-verifier.ts";
import { Updater } from "../../../agent/updates/updater.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";
import { rootBytes, signaturesOf, type TestKey, testKey, testManifest, testRoot } from "../../fakes/updates/signing.ts";

const [rootKey, oldKey, newKey] = [testKey(), testKey(), testKey()];
const pinned = testRoot({ rootKeys: [rootKey], releaseKeys: [oldKey] });
const second = rootBytes({ version: 2, rootKeys: [rootKey], releaseKeys: [newKey], revoked: [oldKey.id] });
const rotation = { document: new TextDecoder().decode(second), signatures: signaturesOf(second, rootKey) };

function order(key: TestKey, roots: UpdateOrder["roots"] = []): UpdateOrder {
  const bytes = testManifest();
  const manifest = new TextDecoder().decode(bytes);
  return { origin: { kind: "local" }, manifest, signatures: signaturesOf(bytes, key), sources: {}, roots };
}

function setUp(lossOwner: "commands" | "ota" = "ota") {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const journal = new FakeJournal({ clock });
  let copy: unknown;
  let root: unknown;
  const rootCopy = { read: () => root, write: (document: string) => (root = document) };
  const rollbackIndexes = createRollbackIndexes(journal, { read: () => copy, write: (lines) => (copy = lines) });
  const vehicle = { hardware: "gateway-2", agentVersion: "1.3.0", kinds: ["agent"] as const, handlers: [] };
  const roots = new RootStore({ journal, copy: rootCopy, pinned, rollbackIndexes, log });
  const verifier = new UpdateVerifier({ journal, lossOwner, rollbackIndexes, roots, clock, vehicle });
  const stopped = async () => ({ kind: "stopped" }) as const;
  const steps: UpdateSteps = {
    download: stopped,
    verify: stopped,
    wait: stopped,
    install: stopped,
    activate: stopped,
    "health-check": stopped,
    commit: stopped,
    rollback: stopped,
  };
  const store = { ...journalStore(journal), report: () => undefined };
  const updater = new Updater({
    store,
    steps,
    clock,
    log,
    restart: () => undefined,
    reboot: async () => undefined,
    untilStart: async () => true,
  });
  return {
    verifier,
    updater,
    journal,
    rollbackIndexes,
    rootCopy,
    log,
    forgetCopy: () => (copy = undefined),
    forgetRoot: () => (root = undefined),
  };
}

/** The journal is lost, with the newer root in it, and someone has acknowledged that. */
function loseRoot(journal: FakeJournal): void {
  journal.lose("the file was gone");
  journal.put([{ space: "update", key: "root", value: undefined }]);
  journal.acknowledgeLoss();
}

describe("UpdateVerifier", () => {
  it("begins what it accepts, and nothing else beside it", async () => {
    const { verifier, updater } = setUp();
    expect(await verifier.order(order(oldKey), updater)).toMatchObject({ kind: "accepted" });
    expect(updater.current()?.state.step).toBe("download");
    expect(await verifier.order(order(oldKey), updater)).toBe("busy");
  });

  it("takes the root that comes along, keeps it, and from then on refuses the key it revokes", async () => {
    const { verifier, updater } = setUp();
    expect(await verifier.order(order(newKey), updater)).toMatchObject({ reason: "unsigned" });
    expect(await verifier.order(order(oldKey, [rotation]), updater)).toMatchObject({ reason: "key-revoked" });
    expect(verifier.root().document.version).toBe(2);
    expect(await verifier.order(order(newKey), updater)).toMatchObject({ kind: "accepted" });
  });

  it("leaves a root that is not signed by the one before, and says so", async () => {
    const { verifier, updater, log } = setUp();
    const forged = { ...rotation, signatures: signaturesOf(second, newKey) };
    expect(await verifier.order(order(oldKey, [forged]), updater)).toMatchObject({ kind: "accepted" });
    expect(verifier.root().document.version).toBe(1);
    expect(log.entries.map(({ event }) => event)).toContain("update.root-refused");
  });

  it("takes nothing while the journal is lost, and keeps the rollback index that the copy knows", async () => {
    const { verifier, updater, journal, rollbackIndexes } = setUp();
    await rollbackIndexes.advance({ component: "agent", sequenceNumber: 20, digest: "a" });
    journal.lose("the file was gone");
    expect(await verifier.order(order(oldKey), updater)).toMatchObject({ reason: "journal-lost" });
    journal.acknowledgeLoss();
    expect(await verifier.order(order(oldKey), updater)).toMatchObject({ reason: "downgrade" });
  });

  it("keeps the rollback index that the journal knows when the copy is lost", async () => {
    const { verifier, updater, rollbackIndexes, forgetCopy } = setUp();
    await rollbackIndexes.advance({ component: "agent", sequenceNumber: 20, digest: "a" });
    forgetCopy();
    expect(await verifier.order(order(oldKey), updater)).toMatchObject({ reason: "downgrade" });
  });

  it.each([
    ["ota", undefined],
    ["commands", "the journal was lost; find out why, then: causeway commands acknowledge"],
  ] as const)("lets %s acknowledge the loss of the journal, and nobody else", async (owner, stillLost) => {
    const { verifier, journal } = setUp(owner);
    journal.lose("it was damaged");
    expect(verifier.verify(order(oldKey))).toMatchObject({
      reason: "journal-lost",
      detail: `the journal was lost; find out why, then: causeway ${owner} acknowledge`,
    });
    expect(verifier.loss()).toBe(stillLost === undefined ? "it was damaged" : undefined);
    await verifier.acknowledge();
    const verdict = verifier.verify(order(oldKey));
    expect(verdict.kind === "rejected" ? verdict.detail : undefined).toBe(stillLost);
  });

  it("does not take a revoked key back after the journal was lost: a copy has the newer root", async () => {
    const { verifier, updater, journal } = setUp();
    await verifier.order(order(oldKey, [rotation]), updater);
    loseRoot(journal);
    expect(verifier.root().document.version).toBe(2);
    expect(await verifier.order(order(oldKey), updater)).toMatchObject({ reason: "key-revoked" });
  });

  it("takes nothing when the newer root is lost in both places, until it comes again", async () => {
    const { verifier, updater, journal, forgetRoot } = setUp();
    await verifier.order(order(oldKey, [rotation]), updater);
    loseRoot(journal);
    forgetRoot();
    for (const key of [oldKey, newKey]) {
      expect(await verifier.order(order(key), updater)).toMatchObject({ reason: "root-lost" });
    }
    expect(await verifier.order(order(newKey, [rotation]), updater)).toMatchObject({ kind: "accepted" });
  });

  it("passes over a copy of the root that is damaged", async () => {
    const { verifier, updater, rootCopy } = setUp();
    await verifier.order(order(oldKey, [rotation]), updater);
    rootCopy.write("half a docu");
    expect(verifier.root().document.version).toBe(2);
  });
});
