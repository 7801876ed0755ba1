import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { packFiles } from "../../../../../drivers/os/upload/packed-files.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";

/** Files of odd sizes and names, two of them with one name. */
function files(): readonly { readonly path: string; readonly inside: string; readonly content: Buffer }[] {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "x"));
  const named: readonly (readonly [name: string, bytes: number, inside: string])[] = [
    ["van.dbc", 0, "1/van.dbc"],
    ["x/van.dbc", 1, "2/van.dbc"],
    ["Türen (a+b).dbc", 511, "3/Türen (a+b).dbc"],
    ["d.dbc", 512, "4/d.dbc"],
    ["e.dbc", 513, "5/e.dbc"],
    [`${"n".repeat(94)}.dbc`, 70_000, `6/${"n".repeat(94)}.dbc`],
    [`${"n".repeat(95)}.dbc`, 9, "7/file"],
  ];
  return named.map(([name, bytes, inside]) => {
    const path = join(folder, name);
    const content = Buffer.from(Array.from({ length: bytes }, (_, at) => (at * 31 + name.length) % 256));
    writeFileSync(path, content);
    utimesSync(path, 1_700_000_000, 1_700_000_000);
    return { path, inside, content };
  });
}

describe("packFiles", () => {
  it("makes an archive that tar takes apart again, each file apart from others of its name", async () => {
    const packed = files();
    const archive = await packFiles(
      packed.map(({ path }) => path),
      1e6,
    );
    if (archive === "too-large") throw new Error(archive);
    const folder = temporaryFolder();
    const listed = execFileSync("tar", ["-xzv", "-C", folder, "--quoting-style=literal"], { input: archive });
    expect(listed.toString().trim().split("\n")).toEqual(packed.map(({ inside }) => inside));
    for (const { inside, content } of packed) {
      expect(readFileSync(join(folder, inside)).equals(content)).toBe(true);
      expect(statSync(join(folder, inside)).mtimeMs).toBe(1_700_000_000_000);
    }
    const again = await packFiles(
      packed.map(({ path }) => path),
      1e6,
    );
    expect(again).toEqual(archive);
    expect(gunzipSync(archive).length % 512).toBe(0);
  });

  it("makes none of more bytes than it may have, and none where a file is not there", async () => {
    const paths = files()
      .slice(0, 5)
      .map(({ path }) => path);
    expect(await packFiles(paths, 1 + 511 + 512 + 513)).not.toBe("too-large");
    expect(await packFiles(paths, 511 + 512 + 513)).toBe("too-large");
    await expect(packFiles([...paths, "/nowhere.dbc"], 1e6)).rejects.toMatchObject({ code: "ENOENT" });
  });
});
