import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const MEMORY = "/dev/shm";
/** Short: Unix sockets lie below it, and their paths may have 107 bytes. The id of the run's process follows. */
const PREFIX = "causeway-";
/** f_type of tmpfs (statfs(2)). */
const TMPFS = 0x0102_1994;
const NEEDED_BYTES = 2_000_000_000;
/** So long the folders of failed tests are kept for a look after their run has ended. */
const KEPT_MS = 3_600_000;

/** Where the temporary files of this run of vitest are. */
const FOLDER = join(MEMORY, `${PREFIX}${process.pid}`);

/**
 * Before a run of vitest: temporary files go to memory where there is enough of it, since a test of a database is one of fsync otherwise
 * (the journal's: 27 s on a disk, 4 s in memory). Sets TMPDIR, which workers and their children inherit, and CAUSEWAY_TEST_DISK to where
 * they were before (`diskRoot`).
 */
export function setup(): void {
  process.env.CAUSEWAY_TEST_DISK = tmpdir();
  if (!isUsable()) return;
  removeOld();
  // Other users must get through it to what a test opens for them; they cannot list it.
  mkdirSync(FOLDER, { recursive: true, mode: 0o711 });
  process.env.TMPDIR = FOLDER;
}

/** After it. The folders of failed tests (`temporaryFolder`) stay for a look. */
export function teardown(): void {
  if (!existsSync(FOLDER)) return;
  const others = readdirSync(FOLDER).filter((name) => !name.startsWith("causeway-test-"));
  for (const name of others) rmSync(join(FOLDER, name), { recursive: true, force: true });
  if (readdirSync(FOLDER).length === 0) rmdirSync(FOLDER);
}

/** A container may have little memory there, or let nothing run from it; programs of tests do. */
function isUsable(): boolean {
  try {
    const { type, bavail, bsize } = statfsSync(MEMORY);
    if (type !== TMPFS || bavail * bsize < NEEDED_BYTES) return false;
    const program = join(MEMORY, `${PREFIX}run-${process.pid}`);
    try {
      writeFileSync(program, "#!/bin/sh\n", { mode: 0o700 });
      execFileSync(program);
      return true;
    } finally {
      rmSync(program, { force: true });
    }
  } catch {
    return false;
  }
}

/** Removes what runs that ended a while ago have left. */
function removeOld(): void {
  for (const name of readdirSync(MEMORY).filter((entry) => /^causeway-\d+$/.test(entry))) {
    const folder = join(MEMORY, name);
    const runs = statSync(join("/proc", name.slice(PREFIX.length)), { throwIfNoEntry: false }) !== undefined;
    const changedMs = statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
    if (!runs && Date.now() - changedMs > KEPT_MS) rmSync(folder, { recursive: true, force: true });
  }
}
