import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { composeFiles } from "../../../agent/daemon/compose-files.ts";
import { UploadBook } from "../../../agent/files/upload-book.ts";
import { withPlace } from "../../../agent/files/upload-plan.ts";
import { filesConfig } from "../../../config/files.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";
import { fakeTlsIdentity } from "../../fakes/ports/tls-identity.ts";

/** Nobody listens there (tcpmux). */
const NOBODY = "127.0.0.1:1";
const SINK = { handOver: () => undefined, hasRoom: () => true, isStored: () => true };

function rig() {
  const [stateDir, clock, log] = [temporaryFolder(), new ManualClock(), new MemoryLog()];
  const [broker, journal] = [new FakeBroker({ clock }), new FakeJournal({ clock })];
  const dbc = ["van.dbc", "body.dbc"].map((name) => ({ file: join(stateDir, name) }));
  for (const { file } of dbc) writeFileSync(file, 'VERSION ""');
  const compose = async () => {
    const line = await composeFiles(
      {
        settings: filesConfig.parse({ hosts: [NOBODY] }),
        loaded: { config: { stateDir, thingName: "van-1", proxy: undefined, dbc } },
        identity: fakeTlsIdentity("none", []),
        line: { records: { uploadedFiles: SINK, notices: SINK }, loggedFile: () => undefined },
        broker,
        links: undefined,
        sleep: undefined,
        journal,
      },
      { clock, log, random: () => 0.5, environment: {} },
    );
    if (line === undefined) throw new Error("no uploads");
    return line;
  };
  return { stateDir, log, broker, journal, compose };
}

it("lets the agent start where the folder of held files cannot be, says so, and holds files once it can", async () => {
  const { stateDir, log, compose } = rig();
  const folder = join(stateDir, "uploads");
  writeFileSync(folder, "in the way");
  const line = await compose();
  expect(log.entries).toMatchObject([{ event: "upload.not-cleaned", facts: { why: "EEXIST" } }]);
  const wanted = { kind: "dbc", name: undefined, lines: undefined, place: undefined, reason: "" } as const;
  expect(await line.local.orders.order(wanted)).toMatchObject({ kind: "refused" });
  rmSync(folder);
  const ordered = await line.local.orders.order(wanted);
  expect(ordered.kind === "ordered" && ordered.plan.name).toMatch(/^dbc-[0-9a-f]{8}\.tar\.gz$/);
});

it("tries again what found no network when the broker is there again", async () => {
  const { stateDir, broker, journal, compose } = rig();
  const facts = { kind: "dbc", name: "van.dbc", sizeBytes: 3, sha256: "0f".repeat(32), reason: "" } as const;
  const plan = { ...facts, id: "u-1", state: "waiting", etags: [], idleMs: 0 } as const;
  new UploadBook(journal).put(withPlace(plan, { kind: "whole", url: `https://${NOBODY}/van.dbc` }));
  mkdirSync(join(stateDir, "uploads"));
  writeFileSync(join(stateDir, "uploads", "u-1"), "dbc");
  const line = await compose();
  onTestFinished(() => line.service.stop());
  await line.service.start();
  await expect.poll(() => line.status().retried).toBe(1);
  expect(line.status().uploads).toMatchObject([{ problem: "ECONNREFUSED" }]);
  broker.start();
  await expect.poll(() => line.status().retried).toBe(2);
});
