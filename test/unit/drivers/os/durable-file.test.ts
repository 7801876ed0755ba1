import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { replaceFile } from "../../../../drivers/os/durable-file.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

describe("replaceFile", () => {
  it("puts the new text in place of the old and leaves nothing beside it", () => {
    const folder = temporaryFolder();
    const path = join(folder, "device.pem");
    writeFileSync(path, "old");
    writeFileSync(join(folder, ".device.pem.next"), "left by a run that was cut");
    replaceFile(path, "new", 0o644);
    expect(readFileSync(path, "utf8")).toBe("new");
    expect(readdirSync(folder)).toEqual(["device.pem"]);
    expect(statSync(path).mode & 0o777).toBe(0o644);
  });

  it("makes a folder that is missing for this user only", () => {
    const path = join(temporaryFolder(), "identity", "device.pem");
    replaceFile(path, "new", 0o600);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  });

  it("keeps the old file when the new one cannot take its place", () => {
    const path = join(temporaryFolder(), "device.pem");
    mkdirSync(path);
    chmodSync(path, 0o700);
    expect(() => replaceFile(path, "new", 0o600)).toThrow(`${path} cannot be written`);
    expect(readdirSync(join(path, ".."))).toEqual(["device.pem"]);
  });
});
