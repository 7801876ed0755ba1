import { execFileSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../../../..");
const ADDONS = globSync("drivers/can/native/build/Release/*.node", { cwd: ROOT });
/** Calls of the C library that set a clock of the system (settimeofday(2), clock_settime(2), clock_adjtime(2), stime(2), ntp_adjtime(3)). */
const SETTERS = /\b(?:settimeofday|clock_settime|clock_adjtime|stime|ntp_adjtime|adjtime)\b/;

function sourcesOf(pattern: string): readonly (readonly [string, string])[] {
  const files = globSync(pattern, { cwd: ROOT }).filter((file) => !file.includes("/build/"));
  return files.map((file) => [file, readFileSync(join(ROOT, file), "utf8")] as const);
}

describe("the agent never sets the clock", () => {
  it("asks the kernel by adjtimex(2) without a mode, and calls nothing else that could", () => {
    const calls = sourcesOf("drivers/can/native/**/*.{c,h}").flatMap(([file, text]) => {
      expect([file, SETTERS.exec(text)?.[0]]).toEqual([file, undefined]);
      return [...text.matchAll(/\badjtimex\(&(\w+)\)/g)].map(([, name]) => [text, name] as const);
    });
    expect(calls.length).toBeGreaterThan(0);
    for (const [text, name] of calls) {
      expect(text).toContain(`struct timex ${name} = {.modes = 0};`);
      expect(text).not.toMatch(new RegExp(`\\b${name}\\.modes\\b`));
    }
  });

  it.skipIf(!ADDONS.length || !existsSync("/usr/bin/nm"))("has no such call in what was built", () => {
    for (const addon of ADDONS) {
      const symbols = execFileSync("nm", ["-D", "--undefined-only", join(ROOT, addon)], { encoding: "utf8" });
      expect(symbols).toMatch(/\bclock_gettime\b/);
      expect(symbols).not.toMatch(SETTERS);
    }
  });

  it("runs no program that would", () => {
    const asking = /"busctl", ARGUMENTS|"chronyc", ARGUMENTS|\["-c", "-n", "tracking"\]/;
    for (const [file, text] of sourcesOf("drivers/**/*.ts")) {
      for (const line of text
        .split("\n")
        .filter((one) => /["'`/](?:date|hwclock|timedatectl|busctl|chronyc|ntpdate)["'`]/.test(one))) {
        expect([file, asking.test(line)]).toEqual([file, true]);
      }
    }
  });
});
