import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { releaseCleanPages } from "../../../../drivers/can/clean-pages.ts";

const ROOT = join(import.meta.dirname, "../../../..");

/** Resident bytes of a process of its own before and after, and whether it goes on: code that is gone is mapped again. */
const PROGRAM = `
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { releaseCleanPages } from "./drivers/can/clean-pages.ts";
const residentKib = () => Number(/^RssFile:\\s+(\\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))[1]);
const digest = () => createHash("sha256").update(new Intl.DateTimeFormat("en", { timeZone: "UTC" }).format(0)).digest("hex");
const [digestBefore, before] = [digest(), residentKib()];
const bytes = releaseCleanPages();
const after = residentKib();
console.log(JSON.stringify({ before, after, bytes, isSame: digest() === digestBefore }));
`;

describe("releaseCleanPages", () => {
  it("lets go of code that the process does not use, and the process goes on", () => {
    const output = execFileSync(process.execPath, ["--input-type=module-typescript", "--eval", PROGRAM], {
      cwd: ROOT,
      encoding: "utf8",
    });
    const { before, after, bytes, isSame } = z
      .object({ before: z.number(), after: z.number(), bytes: z.number(), isSame: z.boolean() })
      .parse(JSON.parse(output));
    expect(isSame).toBe(true);
    // What the look itself needs is mapped again.
    expect(after).toBeLessThan(before * 0.7);
    expect(bytes).toBeGreaterThan((before - after) * 1024);
  });

  it("does nothing where the addon was not built", () => {
    const missing = (): never => {
      throw new Error("not built");
    };
    expect(releaseCleanPages(missing)).toBeUndefined();
  });
});
