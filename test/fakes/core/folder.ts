import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** A folder of the running test's own. It goes when the test has passed; a failed test keeps it for a look, and says where. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "causeway-test-"));
  onTestFinished(({ task }) => {
    if (task.result?.state === "fail") process.stderr.write(`kept: ${folder}\n`);
    else rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}
