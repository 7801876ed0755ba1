import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const MODULE = join(import.meta.dirname, "../../../../drivers/os/compiled-code.ts");

describe("compiled code", () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-code-"));
  const cache = join(folder, "cache");
  const program = join(folder, "program.mjs");
  writeFileSync(join(folder, "part.mjs"), "export const part = 1;\n");
  writeFileSync(
    program,
    `import { keepCompiledCode, useCompiledCode } from ${JSON.stringify(MODULE)};
useCompiledCode(process.env);
await import("./part.mjs");
await keepCompiledCode(process.env);
process.kill(process.pid, "SIGKILL");
`,
  );
  afterAll(() => rmSync(folder, { recursive: true }));

  function start(environment: Readonly<Record<string, string>>): void {
    const { CACHE_DIRECTORY: _1, CAUSEWAY_RELEASE: _2, NODE_COMPILE_CACHE: _3, ...rest } = process.env;
    expect(() => execFileSync(process.execPath, [program], { env: { ...rest, ...environment } })).toThrow(/./);
  }

  it("is kept for the release, also when the process is killed, and nothing of others stays", () => {
    mkdirSync(join(cache, "compiled", "earlier", "v1"), { recursive: true });
    mkdirSync(join(cache, "of somebody else"));
    mkdirSync(join(cache, "compiled", "r2", "v1-of-another-node"), { recursive: true });
    start({ CACHE_DIRECTORY: cache, CAUSEWAY_RELEASE: "r2" });
    expect(readdirSync(cache).sort()).toEqual(["compiled", "of somebody else"]);
    expect(readdirSync(join(cache, "compiled"))).toEqual(["r2"]);
    const [version = "", ...others] = readdirSync(join(cache, "compiled", "r2"));
    expect(others).toEqual([]);
    expect(version).toContain(process.version);
    expect(readdirSync(join(cache, "compiled", "r2", version)).length).toBeGreaterThan(0);
  });

  it("stays below the folder, whatever the release is called", () => {
    start({ CACHE_DIRECTORY: join(folder, "a/b"), CAUSEWAY_RELEASE: "../../out" });
    expect(readdirSync(join(folder, "a/b/compiled"))).toEqual(["out"]);
    expect(existsSync(join(folder, "out"))).toBe(false);
  });

  it("of a folder that somebody else has set is left alone, with what lies beside it", () => {
    const theirs = mkdtempSync(join(tmpdir(), "causeway-code-"));
    mkdirSync(join(theirs, "beside"));
    mkdirSync(join(theirs, "compiled", "older"), { recursive: true });
    start({ NODE_COMPILE_CACHE: join(theirs, "compiled") });
    start({ NODE_COMPILE_CACHE: join(theirs, "compiled"), CACHE_DIRECTORY: join(theirs, "cache") });
    expect(readdirSync(theirs)).toEqual(expect.arrayContaining(["beside", "compiled"]));
    expect(readdirSync(join(theirs, "compiled"))).toContain("older");
    rmSync(theirs, { recursive: true });
  });

  it("is not kept where no folder is given, nor where none can be made", () => {
    start({});
    start({ CACHE_DIRECTORY: join(program, "cache") });
    expect(readdirSync(folder).sort()).toEqual(["a", "cache", "part.mjs", "program.mjs"]);
  });
});
