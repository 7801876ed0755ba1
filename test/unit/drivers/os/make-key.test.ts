import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { MadeKey } from "../../../../agent/ports/key-program.ts";
import { makeKey } from "../../../../drivers/os/make-key.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

function program(body: string): string {
  const file = join(temporaryFolder(), "key");
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

const SEED = Uint8Array.of(0x12, 0xab, 0x00);
const NEVER = new AbortController().signal;
const run = (body: string, args: readonly string[] = [], timeoutMs = 5000) =>
  makeKey({ program: program(body), arguments: args, timeoutMs }, SEED, NEVER);

function problemOf(made: MadeKey): string {
  return made.kind === "failed" ? made.problem : "";
}

describe("makeKey", () => {
  it("gives the seed as a line of hexadecimal digits and reads the key likewise", async () => {
    expect(await run('read seed; echo "${seed}FF"')).toEqual({ kind: "key", key: Uint8Array.of(0x12, 0xab, 0, 0xff) });
    expect(await run('cat > /dev/null; printf %s "$1"', ["0102"])).toEqual({ kind: "key", key: Uint8Array.of(1, 2) });
  });

  it("takes a key of a program that does not read its seed", async () => {
    expect(await run("exec 0<&-; echo 01")).toEqual({ kind: "key", key: Uint8Array.of(1) });
  });

  it.each([
    ["exit 3", "ended with code 3"],
    ["echo nonsense12", "printed something else than one line of hexadecimal digits"],
    ["echo 01; echo 02", "printed something else than one line of hexadecimal digits"],
    ["echo 012", "printed something else than one line of hexadecimal digits"],
    [":", "printed something else than one line of hexadecimal digits"],
  ])("says what is wrong with %j, and nothing of what it printed", async (body, problem) => {
    const made = await run(body);
    expect(problemOf(made)).toMatch(new RegExp(`^/.*/key ${problem}$`));
    expect(JSON.stringify(made)).not.toMatch(/nonsense|12ab00/);
  });

  it("does not wait longer than it may", async () => {
    expect(problemOf(await run("exec sleep 60", [], 100))).toMatch(/gave no key within 100 ms$/);
  });

  it("says that a program is not there", async () => {
    const made = await makeKey({ program: "/nowhere/key", arguments: [], timeoutMs: 1000 }, SEED, NEVER);
    expect(made).toEqual({ kind: "failed", problem: "/nowhere/key: ENOENT" });
  });
});
