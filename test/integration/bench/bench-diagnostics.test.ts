import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";

const BENCH = join(import.meta.dirname, "../../../scripts/bench.ts");

describe("scripts/bench --diagnostics", () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-state-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("brings every change of a code to the consumers once, over a kill, and leaves the bus to another tester", async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      BENCH,
      "--diagnostics",
      "--json",
      "--state",
      folder,
    ]);
    const summary: unknown = JSON.parse(stdout);
    expect(summary).toMatchObject({
      schemaVersion: 1,
      codes: { expected: 9, arrived: 9, gaps: 0, repeats: 0, differences: [] },
      missing: 0,
      unknown: 0,
      tester: { requestsBeside: 0, notices: ["diagnostics.other-tester", "diagnostics.other-tester-gone"] },
    });
  }, 300_000);
});
