import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { heldFiles } from "../../../../../drivers/os/upload/held-files.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";

const sha256Of = (text: string): string => createHash("sha256").update(text).digest("hex");

describe("heldFiles", () => {
  it("keeps a file that others may write to as it was, and takes no space for one that nobody does", async () => {
    const folder = temporaryFolder();
    const [dbc, log] = [join(folder, "van.dbc"), join(folder, "1.log")];
    writeFileSync(dbc, "old");
    writeFileSync(log, "frames");
    const files = heldFiles(join(folder, "uploads"));
    const held = await files.hold("a", { kind: "file", path: dbc, mayChange: true }, 100);
    await files.hold("b", { kind: "file", path: log, mayChange: false }, 100);
    // As `cp new.dbc van.dbc` does: into the same file.
    writeFileSync(dbc, "new and longer");
    rmSync(log);
    expect(readFileSync(files.pathOf("a"), "utf8")).toBe("old");
    expect(held).toEqual({ sizeBytes: 3, sha256: sha256Of("old") });
    expect(readFileSync(files.pathOf("b"), "utf8")).toBe("frames");
    expect(statSync(files.pathOf("b")).nlink).toBe(1);
    await files.keepOnly(new Set(["b"]));
    expect(readdirSync(join(folder, "uploads"))).toEqual(["b"]);
  });

  it("holds nothing that is too large", async () => {
    const folder = temporaryFolder();
    const path = join(folder, "van.dbc");
    writeFileSync(path, "1234");
    const files = heldFiles(join(folder, "uploads"));
    expect(await files.hold("a", { kind: "file", path, mayChange: true }, 3)).toBe("too-large");
    expect(await files.hold("b", { kind: "bytes", content: Buffer.from("1234") }, 3)).toBe("too-large");
    expect(existsSync(files.pathOf("a"))).toBe(false);
  });
});
