import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { takeHistoryFile, writeHistoryFile } from "../../../../drivers/os/history-file.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const BYTES = Uint8Array.from({ length: 300 }, (_, at) => at & 0xff);

describe("the file of a history", () => {
  it("is for this user alone, and is gone once it was taken", () => {
    const folder = temporaryFolder();
    const path = join(folder, "history.bin");
    writeFileSync(path, "old");
    writeHistoryFile(path, BYTES);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const taken = takeHistoryFile(path, BYTES.length);
    expect(taken.kind === "taken" && Buffer.from(taken.bytes).equals(BYTES)).toBe(true);
    expect([readdirSync(folder), takeHistoryFile(path, BYTES.length)]).toEqual([[], { kind: "none" }]);
  });

  it("is removed unread when it is longer than a history can be", () => {
    const path = join(temporaryFolder(), "history.bin");
    writeHistoryFile(path, BYTES);
    expect(takeHistoryFile(path, 299)).toEqual({ kind: "unusable", problem: "it has 300 bytes, more than 299" });
    expect(existsSync(path)).toBe(false);
  });

  it("is not read through a link, nor waited for where a FIFO lies in its place", () => {
    const folder = temporaryFolder();
    const path = join(folder, "history.bin");
    const other = join(folder, "other");
    writeFileSync(other, "of somebody else");
    symlinkSync(other, path);
    expect(takeHistoryFile(path, 1000).kind).toBe("unusable");
    expect([existsSync(path), readFileSync(other, "utf8")]).toEqual([false, "of somebody else"]);
    execFileSync("mkfifo", [path]);
    expect(takeHistoryFile(path, 1000)).toEqual({ kind: "unusable", problem: "it is no file" });
    expect(existsSync(path)).toBe(false);
  });

  it("is not used when it cannot be removed, for it would be used again", () => {
    const path = join(temporaryFolder(), "history.bin");
    mkdirSync(path);
    writeFileSync(join(path, "inside"), "stays");
    const { kind } = takeHistoryFile(path, 1000);
    expect([kind, readdirSync(path)]).toEqual(["unusable", ["inside"]]);
  });

  it("says what hinders it where it cannot be written", () => {
    const path = join(temporaryFolder(), "history.bin");
    mkdirSync(path);
    expect(() => writeHistoryFile(path, BYTES)).toThrow(`${path} cannot be written`);
  });
});
