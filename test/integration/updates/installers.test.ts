import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FetchedArtifact } from "../../../agent/ports/update.ts";
import { createRaucInstaller } from "../../../agent/updates/installers/rauc-installer.ts";
import { RaucService } from "../../../drivers/dbus/rauc-service.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { type DaemonHome, daemonHome, type ProgramEnd, runProgram } from "../../fakes/daemon/daemon.ts";
import { type SupervisedDaemon, superviseDaemon } from "../../fakes/daemon/supervised-daemon.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";
import { type RaucStub, startRaucStub } from "../../fakes/updates/rauc.ts";
import { ReleaseSigner, type UpdatePart } from "../../fakes/updates/release.ts";

const RULES: UpdatePart = {
  kind: "files",
  name: "rules",
  entries: [{ name: "agent.d/rules.yaml", content: "collect: {batchMs: 500}\n" }],
};
const never = new AbortController().signal;

let home: DaemonHome;
let releaseSigner: ReleaseSigner;
let folder: string;

beforeEach(() => {
  folder = temporaryFolder();
  releaseSigner = new ReleaseSigner(join(folder, "updates"));
});

const ota = (...args: readonly string[]): Promise<ProgramEnd> => runProgram(["ota", ...args, "--config", home.config]);

async function start(settings: Readonly<Record<string, unknown>>): Promise<SupervisedDaemon> {
  home = await daemonHome((config) => {
    const gate = { condition: { signals: {}, all: ["true"] }, holdSeconds: 0 };
    const healthCheck = { withinSeconds: 10, offlineSeconds: 1 };
    config.ota = { rootFile: releaseSigner.rootFile, hardware: "gateway-2", gate, healthCheck, ...settings };
  });
  return await superviseDaemon(home);
}

describe("artifacts that a program of the vehicle installs, with hooks around them", { timeout: 120_000 }, () => {
  const payload = (kind: "radio" | "camera"): UpdatePart => ({
    kind: "exec",
    name: kind,
    entries: [{ name: "firmware", content: "; reboot $(reboot)" }],
    more: { handler: kind },
  });

  /** A program that writes down what it is called with, and fails where a file says so. */
  function program(name: string): string {
    const file = join(folder, name);
    const body = `echo "${name} $*" >>"${folder}/calls"; [ ! -e "${folder}/fail-${name}-$1" ]`;
    writeFileSync(file, `#!/bin/sh\n${body}\n`);
    chmodSync(file, 0o755);
    return file;
  }

  const settings = () => ({
    installers: [{ name: "radio", program: program("radio"), timeoutSeconds: 20 }],
    hooks: { before: { program: program("hook") }, after: { program: program("hook") } },
  });
  /** First two words of each call. */
  const calls = (): readonly string[] =>
    readFileSync(join(folder, "calls"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.split(" ").slice(0, 2).join(" "));

  it("calls them in order, with the fixed arguments and nothing of a shell", async () => {
    await start(settings());
    const update = releaseSigner.bundle([payload("radio")], { component: "radio" });
    expect((await ota("install", update.path)).stdout).toBe("accepted\nradio 1.0.1 is installed, 0.1.0 before");
    expect(calls()).toEqual(["hook before", "radio check", "radio install", "hook after", "radio commit"]);
    const [first, second] = readFileSync(join(folder, "calls"), "utf8").split("\n");
    expect(first).toBe("hook before radio 0.1.0 1.0.1");
    expect(second).toMatch(new RegExp(`^radio check \\S+/radio-1.tar.gz 1\\.0\\.1 ${update.sha256}$`));
  });

  it("refuses an artifact whose handler is not on the list", async () => {
    await start(settings());
    const update = releaseSigner.bundle([payload("camera")], { component: "camera" });
    expect((await ota("install", update.path)).stderr).toContain("handler camera is not on the vehicle's list");
    expect(existsSync(join(folder, "calls"))).toBe(false);
  });

  it.each([
    ["fail-radio-install", "install-failed", ["hook before", "radio check", "radio install", "radio rollback"]],
    ["fail-hook-before", "hook-failed", ["hook before", "radio rollback"]],
    ["fail-hook-after", "hook-failed", ["hook before", "radio check", "radio install", "hook after", "radio rollback"]],
  ])("takes all of an update back after %s", async (fault, reason, expected) => {
    await start(settings());
    writeFileSync(join(folder, fault), "");
    const update = releaseSigner.bundle([RULES, payload("radio")]);
    const { code, stdout } = await ota("install", update.path);
    expect([code, stdout]).toEqual([1, expect.stringContaining(reason)]);
    expect(calls()).toEqual(expected);
    expect(existsSync(join(home.folder, "state/files/current"))).toBe(false);
    // The same update goes through once the fault is mended.
    rmSync(join(folder, fault));
    const again = async (): Promise<unknown> => (await ota("install", update.path)).code;
    await expect.poll(again, { timeout: 60_000 }).toBe(0);
    expect(existsSync(join(home.folder, "state/files/current"))).toBe(true);
  });
});

describe("bundles for RAUC, over a real D-Bus", { timeout: 240_000 }, () => {
  let stub: RaucStub;
  const bundle: UpdatePart = { kind: "rauc", name: "system", entries: [{ name: "bundle", content: "system" }] };
  const artifact: FetchedArtifact = {
    name: "system",
    version: "2",
    sizeBytes: 6,
    sha256: "a".repeat(64),
    file: "/srv/system.raucb",
  };

  beforeEach(async () => {
    stub = await startRaucStub(join(folder, "dbus"));
  });
  afterEach(() => stub.stop());

  /** The installer in one start of the system; `journal` outlives it. */
  function installer(journal: FakeJournal, bootId: string) {
    const clock = new ManualClock();
    const sleep = (ms: number, signal: AbortSignal): Promise<void> => clock.sleep(ms, signal);
    const rauc = new RaucService({ address: stub.address, installMs: 1000, sleep });
    return createRaucInstaller({ rauc, journal, bootId, downloads: { digestOf: async () => artifact.sha256 } });
  }
  const newJournal = () => new FakeJournal({ clock: new ManualClock() });

  it("asks for a start of the system, exits with 4, and keeps what runs after it", async () => {
    const daemon = await start({ rauc: { enabled: true, busAddress: stub.address } });
    const update = releaseSigner.bundle([bundle], { component: "system" });
    expect(await ota("install", update.path)).toMatchObject({
      code: 4,
      stdout: "accepted\nsystem 1.0.1 waits for a start of the system",
    });
    expect(stub.installed).toEqual([expect.stringMatching(/^B .*system-1\.tar\.gz$/)]);
    expect(stub.marks).toEqual(["active B"]);
    // A start of the agent alone is not the one that is awaited, however many there are.
    for (let round = 0; round < 4; round++) {
      const starts = daemon.ends.length;
      process.kill(daemon.pid(), "SIGKILL");
      await expect.poll(() => daemon.ends.length, { timeout: 30_000 }).toBe(starts + 1);
      await expect.poll(async () => (await ota("show")).stdout, { timeout: 30_000 }).toContain("waits for a start");
    }
    expect((await ota("install", update.path)).code).toBe(75);
    stub.booted = "B";
    process.kill(daemon.pid(), "SIGKILL");
    await expect
      .poll(async () => (await ota("show")).stdout, { timeout: 60_000 })
      .toContain("system 1.0.1 is installed");
    expect(stub.marks).toEqual(["active B", "good B"]);
    expect(stub.installed).toHaveLength(1);
  });

  it("gives it up on request while it waits: the slot that runs starts again", async () => {
    await start({ rauc: { enabled: true, busAddress: stub.address } });
    const update = releaseSigner.bundle([bundle], { component: "system" });
    expect((await ota("install", update.path)).code).toBe(4);
    expect((await ota("rollback")).code).toBe(0);
    await expect
      .poll(async () => (await ota("show")).stdout, { timeout: 60_000 })
      .toContain("not installed: cancelled");
    expect(stub.marks).toEqual(["active B", "active A", "bad B"]);
  });

  it("knows when the boot loader went back, and tells so", async () => {
    const journal = newJournal();
    expect(await installer(journal, "boot-1").activate(artifact)).toBe("reboot");
    expect(await installer(journal, "boot-1").trial(artifact)).toEqual({ kind: "pending" });
    const later = installer(journal, "boot-2");
    expect(await later.trial(artifact)).toEqual({
      kind: "rolled-back",
      detail: "the boot loader started slot A again",
    });
    expect(await later.rollback(artifact)).toBe("at-once");
    expect(await later.trial(artifact)).toEqual({ kind: "none" });
  });

  it("writes nothing to the slot before, when it is repeated after a cut that the new system came up from", async () => {
    const journal = newJournal();
    await installer(journal, "boot-1").activate(artifact);
    stub.booted = "B";
    const later = installer(journal, "boot-2");
    expect(await later.activate(artifact)).toBe("at-once");
    expect(stub.installed).toEqual([`B ${artifact.file}`]);
    expect(await later.trial(artifact)).toEqual({ kind: "runs" });
    expect(await later.rollback(artifact)).toBe("reboot");
    expect(stub.marks.slice(-2)).toEqual(["active A", "bad B"]);
  });

  it.each([
    ["signature verification failed", /could not install: signature verification failed/],
    ["gone", /could not install|no property|RAUC/],
  ])("fails with RAUC's own words when it is %s", async (failure, words) => {
    stub.failure = failure;
    const failing = installer(newJournal(), "boot-1").activate(artifact);
    await expect(failing).rejects.toMatchObject({ code: "update.installer-failed", message: words });
    expect(stub.marks).toEqual([]);
  });

  it("does not take the word of anybody else on the bus that a bundle is installed", async () => {
    stub.isForged = true;
    stub.failure = "the disk is full";
    const clock = new ManualClock();
    const sleep = (ms: number, signal: AbortSignal): Promise<void> => clock.sleep(ms, signal);
    const rauc = new RaucService({ address: stub.address, installMs: 1000, sleep });
    await expect(rauc.install("/srv/system.raucb")).rejects.toThrow("RAUC could not install: the disk is full");
    stub.failure = undefined;
    await rauc.install("/srv/system.raucb");
    expect(stub.installed).toHaveLength(1);
  });

  it("fails when there is no bus, and when the file is not the one that was signed", async () => {
    const journal = newJournal();
    const other = { ...artifact, sha256: "b".repeat(64) };
    await expect(installer(journal, "boot-1").stage(other, never)).rejects.toMatchObject({ code: "update.unfit" });
    await stub.stop();
    await expect(installer(journal, "boot-1").activate(artifact)).rejects.toMatchObject({
      code: "update.installer-failed",
    });
    stub = await startRaucStub(join(folder, "again"));
  });
});
