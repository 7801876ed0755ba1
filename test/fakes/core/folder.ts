import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder of the running test's own. It goes when the test has passed; a failed test keeps it for a look, and says where. */
export function temporaryFolder(): string {
  return ownFolder(tmpdir());
}

/** The same on a disk, for tests of what a kill leaves in a file system. */
export function diskFolder(): string {
  return ownFolder(diskRoot());
}

/** Where large temporary files go: other ones are in memory, when there is enough (test/memory-files.ts). */
export function diskRoot(): string {
  return process.env.CAUSEWAY_TEST_DISK ?? tmpdir();
}

function ownFolder(parent: string): string {
  const folder = mkdtempSync(join(parent, "causeway-test-"));
  onTestFinished(({ task }) => {
    if (task.result?.state === "fail") process.stderr.write(`kept: ${folder}\n`);
    else rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
