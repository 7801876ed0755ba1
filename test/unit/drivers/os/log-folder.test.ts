import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openLogFolder } from "../../../../drivers/os/log-folder.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

describe("openLogFolder", () => {
  it("makes the folder for this user alone, and the files in it", async () => {
    const path = join(temporaryFolder(), "frames");
    const folder = openLogFolder(path);
    expect(await folder.list()).toEqual([]);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    const file = await folder.create("one.log");
    await file.append(Buffer.from("first "));
    await file.append(Buffer.from("second"));
    await file.overwrite(Buffer.from("FIRST"));
    await file.append(Buffer.from(" third"));
    await file.sync();
    await file.close();
    expect(readFileSync(join(path, "one.log"), "utf8")).toBe("FIRST second third");
    expect(statSync(join(path, "one.log")).mode & 0o777).toBe(0o600);
    expect(await folder.list()).toEqual([{ name: "one.log", bytes: 18 }]);
  });

  it("lists files alone, and writes over none", async () => {
    const path = temporaryFolder();
    const folder = openLogFolder(path);
    mkdirSync(join(path, "00001-0001.log"));
    writeFileSync(join(path, "00001-0002.log"), "kept");
    symlinkSync("/etc/passwd", join(path, "00001-0003.log"));
    expect(await folder.list()).toEqual([{ name: "00001-0002.log", bytes: 4 }]);
    await expect(folder.create("00001-0002.log")).rejects.toThrow("EEXIST");
    await expect(folder.create("00001-0003.log")).rejects.toThrow("EEXIST");
    expect(readFileSync(join(path, "00001-0002.log"), "utf8")).toBe("kept");
  });

  it("removes a file, also one that is gone", async () => {
    const path = temporaryFolder();
    const folder = openLogFolder(path);
    writeFileSync(join(path, "one.log"), "");
    await folder.remove("one.log");
    await folder.remove("one.log");
    expect(await folder.list()).toEqual([]);
  });

  it("says how much room the disk has, and rejects for a folder that cannot be", async () => {
    expect(await openLogFolder(temporaryFolder()).freeBytes()).toBeGreaterThan(0);
    await expect(openLogFolder("/proc/none/frames").list()).rejects.toThrow("ENOENT");
  });
});
