import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const PROGRAM = join(import.meta.dirname, "../../../scripts/bench.ts");

const summary = z.looseObject({
  verdicts: z.array(z.looseObject({ name: z.string(), checked: z.number(), wrong: z.number() })),
  remarks: z.array(z.string()),
});

describe("scripts/bench --drive", { timeout: 300_000 }, () => {
  it("plays the short day in accelerated time, and no judge finds anything wrong", () => {
    const state = mkdtempSync(join(tmpdir(), "causeway-day-"));
    try {
      const args = [PROGRAM, "--drive", "short", "--json", "--state", state];
      const { stdout, stderr, status } = spawnSync(process.execPath, args, { encoding: "utf8" });
      if (stdout === "") throw new Error(`no summary (exit ${status}): ${stderr.slice(-800)}`);
      const { verdicts, remarks } = summary.parse(JSON.parse(stdout));
      const wrong = verdicts.filter((one) => one.wrong > 0 || one.checked === 0);
      // What happened goes with what was wrong with it.
      const told = wrong.length + remarks.length === 0 ? "" : stderr;
      expect({ wrong, remarks, told }).toEqual({ wrong: [], remarks: [], told: "" });
      expect(status).toBe(0);
    } finally {
      rmSync(state, { recursive: true });
    }
  });
});
