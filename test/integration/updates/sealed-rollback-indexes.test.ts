import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { MonotonicCounter } from "../../../agent/ports/update.ts";
import { createRollbackIndexes, type RollbackIndexes } from "../../../agent/updates/trust/rollback-indexes.ts";
import { openSealedRollbackIndexes } from "../../../agent/updates/trust/sealed-rollback-indexes.ts";
import { NvCounter } from "../../../drivers/tpm/nv-counter.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

const COMPONENT = { component: "agent", sequenceNumber: 14, digest: "d".repeat(64) };
const OLD = { component: "agent", sequenceNumber: 13, digest: "c".repeat(64) };

let folder: string;
let tpm: Tpm;
let index = 0x0180_0e00;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "causeway-rollback-"));
  tpm = await startTpm({ folder });
}, 60_000);
afterAll(async () => {
  await tpm.stop();
  rmSync(folder, { recursive: true });
});

/** A power cut. */
class Cut extends Error {}

/** The disk of a vehicle; `image` and `restore` are what someone with the storage in hand does. */
class Disk {
  journal = new FakeJournal({ clock: new ManualClock() });
  copy: unknown;

  image() {
    return { copy: structuredClone(this.copy), documents: this.journal.list("rollback-index-seal") };
  }

  restore({ copy, documents }: ReturnType<Disk["image"]>): void {
    this.copy = copy;
    this.journal = new FakeJournal({ clock: new ManualClock() });
    this.journal.put(documents);
  }
}

/** A start of the agent: `spoil` breaks what it is given. */
async function start(disk: Disk, spoil: Partial<MonotonicCounter> = {}): Promise<RollbackIndexes> {
  const { TPM2TOOLS_TCTI, DBUS_SESSION_BUS_ADDRESS } = tpm.environment;
  const environment = { PATH: process.env.PATH, TPM2TOOLS_TCTI, DBUS_SESSION_BUS_ADDRESS };
  const counter = new NvCounter({ index, environment, ownerAuth: () => undefined, timeoutMs: 60_000 });
  const used: MonotonicCounter = {
    read: () => counter.read(),
    define: () => counter.define(),
    advance: () => counter.advance(),
    ...spoil,
  };
  const copy = { read: () => disk.copy, write: (value: unknown) => (disk.copy = value) };
  const before = createRollbackIndexes(disk.journal, { read: () => undefined, write: () => undefined });
  return await openSealedRollbackIndexes({ counter: used, journal: disk.journal, copy, before });
}

/** What tpm2-tools themselves say. */
const judge = (...args: readonly string[]): Buffer =>
  execFileSync(args[0] ?? "", args.slice(1), { env: { ...process.env, ...tpm.environment } });
const counterValue = (): number =>
  Number(judge("tpm2_nvread", "--size=8", `0x${index.toString(16)}`).readBigUInt64BE());

beforeEach(() => {
  index += 1;
});

describe("rollback indexes that a counter in the TPM vouches for", { timeout: 60_000 }, () => {
  it("takes over the rollback indexes from before, and moves the counter on with each change", async () => {
    const disk = new Disk();
    disk.journal.put([{ space: "rollback-index", key: "agent", value: { ...OLD } }]);
    const rollbackIndexes = await start(disk);
    expect([rollbackIndexes.fault(), rollbackIndexes.installed()]).toEqual([undefined, [OLD]]);
    const made = counterValue();
    await rollbackIndexes.advance(COMPONENT);
    expect(rollbackIndexes.installed()).toEqual([COMPONENT]);
    expect(counterValue()).toBe(made + 1);
    expect((await start(disk)).installed()).toEqual([COMPONENT]);
    expect(judge("tpm2_nvreadpublic", `0x${index.toString(16)}`).toString()).toMatch(/nt=0x1|counter/);
  });

  it("finds out an old disk, a lost one, and a counter that has moved on alone", async () => {
    const disk = new Disk();
    const rollbackIndexes = await start(disk);
    await rollbackIndexes.advance(OLD);
    const image = disk.image();
    await rollbackIndexes.advance(COMPONENT);
    const newest = disk.image();

    disk.restore(image);
    expect((await start(disk)).fault()).toContain("the disk is an old one");
    disk.restore({ copy: undefined, documents: [] });
    expect((await start(disk)).fault()).toContain("the disk is an old one");
    disk.restore(newest);
    expect((await start(disk)).fault()).toBeUndefined();
    // One place is enough.
    disk.copy = undefined;
    expect((await start(disk)).installed()).toEqual([COMPONENT]);
    judge("tpm2_nvincrement", `0x${index.toString(16)}`);
    expect((await start(disk)).fault()).toContain("the disk is an old one");
  });

  it("has the higher rollback index after a power cut between the disk and the TPM, and before it the lower", async () => {
    const disk = new Disk();
    await (await start(disk)).advance(OLD);
    const cut = async (): Promise<void> => {
      throw new Cut();
    };
    const dying = await start(disk, { advance: cut });
    await expect(dying.advance(COMPONENT)).rejects.toThrow(Cut);
    const before = counterValue();
    const next = await start(disk);
    expect([next.fault(), next.installed()]).toEqual([undefined, [COMPONENT]]);
    expect(counterValue()).toBe(before + 1);
    expect((await start(disk)).installed()).toEqual([COMPONENT]);
  });

  it("makes the counter again after a power cut in the middle of that", async () => {
    const disk = new Disk();
    disk.journal.put([{ space: "rollback-index", key: "agent", value: { ...OLD } }]);
    const { environment } = tpm;
    const half = new NvCounter({
      index,
      environment: { ...process.env, ...environment },
      ownerAuth: () => undefined,
      timeoutMs: 60_000,
    });
    const define = async (): Promise<void> => {
      await half.define();
      throw new Cut();
    };
    await expect(start(disk, { define })).rejects.toThrow(Cut);
    const rollbackIndexes = await start(disk);
    expect([rollbackIndexes.fault(), rollbackIndexes.installed()]).toEqual([undefined, [OLD]]);
  });

  it("installs nothing while the TPM cannot be reached", async () => {
    const disk = new Disk();
    await (await start(disk)).advance(COMPONENT);
    const gone = new NvCounter({
      index,
      environment: { PATH: process.env.PATH, TPM2TOOLS_TCTI: "swtpm:port=1" },
      ownerAuth: () => undefined,
      timeoutMs: 60_000,
    });
    const rollbackIndexes = await start(disk, { read: () => gone.read() });
    expect(rollbackIndexes.fault()).toContain("the counter in the TPM cannot be used");
    await expect(rollbackIndexes.advance({ ...COMPONENT, sequenceNumber: 15 })).rejects.toMatchObject({
      code: "update.refused",
    });
  });

  it("installs nothing when the counter is gone, and shows what is known, until someone acknowledges it", async () => {
    const disk = new Disk();
    await (await start(disk)).advance(COMPONENT);
    judge("tpm2_nvundefine", "-C", "o", `0x${index.toString(16)}`);
    const rollbackIndexes = await start(disk);
    expect(rollbackIndexes.fault()).toContain("is gone");
    expect(rollbackIndexes.installed()).toEqual([COMPONENT]);
    await expect(rollbackIndexes.advance({ ...COMPONENT, sequenceNumber: 15 })).rejects.toMatchObject({
      code: "update.refused",
    });
    await rollbackIndexes.acknowledge();
    expect([rollbackIndexes.fault(), rollbackIndexes.installed()]).toEqual([undefined, [COMPONENT]]);
    await rollbackIndexes.advance({ ...COMPONENT, sequenceNumber: 15 });
    expect((await start(disk)).installed()).toEqual([{ ...COMPONENT, sequenceNumber: 15 }]);
  });

  it("begins a new generation when an old disk is acknowledged: the one before fits no more", async () => {
    const disk = new Disk();
    const rollbackIndexes = await start(disk);
    await rollbackIndexes.advance(OLD);
    const image = disk.image();
    await rollbackIndexes.advance(COMPONENT);
    const newest = disk.image();
    disk.restore(image);
    const back = await start(disk);
    await back.acknowledge();
    expect([back.fault(), back.installed()]).toEqual([undefined, [OLD]]);
    disk.restore(newest);
    expect((await start(disk)).fault()).toContain("the disk is an old one");
  });
});
