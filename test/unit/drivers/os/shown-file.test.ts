import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { shownFile } from "../../../../drivers/os/shown-file.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

describe("a shown file", () => {
  it("is replaced, readable by everybody under any umask, and removed", async () => {
    const before = process.umask(0o077);
    onTestFinished(() => void process.umask(before));
    const folder = temporaryFolder();
    const path = join(folder, "causeway.prom");
    const file = shownFile(path);
    await file.replace("one\n");
    await file.replace("two\n");
    expect(readFileSync(path, "utf8")).toBe("two\n");
    expect(statSync(path).mode & 0o777).toBe(0o644);
    expect(readdirSync(folder)).toEqual(["causeway.prom"]);
    file.remove();
    file.remove();
    expect(existsSync(path)).toBe(false);
  });

  it("leaves nothing of what it could not put in place", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "causeway.prom");
    mkdirSync(path);
    writeFileSync(join(path, "kept"), "");
    const file = shownFile(path);
    await expect(file.replace("one\n")).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    file.remove();
    expect(readdirSync(folder)).toEqual(["causeway.prom"]);
    expect(existsSync(join(path, "kept"))).toBe(true);
  });
});
