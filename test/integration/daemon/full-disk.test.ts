import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { Status } from "../../../agent/local-api/status-schema.ts";
import { until } from "../../bench/core/wait.ts";
import { mountProblem } from "../../fakes/core/mount.ts";
import { type Daemon, type DaemonHome, daemonHome, runProgram, startDaemon } from "../../fakes/daemon/daemon.ts";

const PROBLEM = mountProblem();
const LEFT_BYTES = 8_000_000;
const PATIENCE = { timeoutMs: 20_000 };

/** A daemon's home whose state is on a file system of 40 MB, and how to leave only so many bytes of it. */
async function homeOnSmallDisk(): Promise<{ home: DaemonHome; fill: (leftBytes: number) => void; clear: () => void }> {
  const home = await daemonHome();
  const disk = join(home.folder, "state");
  const other = join(disk, "other");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=40m,mode=700", "tmpfs", disk]);
  onTestFinished(() => void execFileSync("umount", ["-l", disk]));
  const fill = (leftBytes: number): void => {
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(other, new Uint8Array(bavail * bsize - leftBytes));
  };
  return { home, fill, clear: () => rmSync(other) };
}

function whenAllIsStored(daemon: Daemon): Promise<Status> {
  const isStored = async (): Promise<Status | undefined> => {
    const now = await daemon.status();
    return now.collected.samples === 400 ? now : undefined;
  };
  return until(isStored, { what: "all samples are stored", ...PATIENCE });
}

describe.skipIf(PROBLEM !== undefined)(`the daemon on a disk that another program fills ${PROBLEM ?? ""}`, () => {
  it("loses nothing while 8 MB are free, and says when none are: in the status, in --json, and by exit 3", async () => {
    const { home, fill, clear } = await homeOnSmallDisk();
    fill(LEFT_BYTES);
    const daemon = await startDaemon(home);
    const { outbox, losses } = await whenAllIsStored(daemon);
    expect(losses).toEqual([]);
    expect(outbox.records).toBeGreaterThan(0);
    expect(outbox.disk).toMatchObject({ isFull: false, reserve: "part" });
    clear();
    fill(0);
    const shown = await runProgram(["status", "--config", home.config]);
    expect(shown.code).toBe(3);
    expect(shown.stdout).toMatch(/^disk {7}0 B free, /m);
    expect(shown.stderr).toContain("causeway: the disk is full: 0 B free where the outbox is");
    const json = await runProgram(["status", "--json", "--config", home.config]);
    expect(JSON.parse(json.stdout)).toMatchObject({ outbox: { disk: { freeBytes: 0, isFull: true } } });
  });

  it("starts in memory where there is no room at all, says so, and brings its records to the disk when there is", async () => {
    const { home, fill, clear } = await homeOnSmallDisk();
    fill(4096);
    const daemon = await startDaemon(home);
    const { outbox } = await whenAllIsStored(daemon);
    expect(outbox.fault).toMatchObject({ code: "outbox.full" });
    expect(outbox.fault?.what).toContain("records are kept in memory only: no room on the disk");
    clear();
    const isBack = async (): Promise<true | undefined> => {
      const now = await daemon.status();
      return now.outbox.fault === undefined && now.outbox.records >= outbox.records ? true : undefined;
    };
    await until(isBack, { what: "the records are on the disk", ...PATIENCE });
  });
});
