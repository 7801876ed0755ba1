import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { beforeEach, describe, expect, it } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import { unpackArchive } from "../../../../../drivers/os/archive/unpack.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { type TarEntry, tarOf } from "../../../../fakes/updates/tar.ts";

const LIMITS = { maxUnpackedBytes: 1_000_000, maxEntries: 100 } as const;
const MAX_BYTES = LIMITS.maxUnpackedBytes;
const never = new AbortController().signal;

let folder = "";

beforeEach(() => {
  folder = temporaryFolder();
});

async function unpack(bytes: Uint8Array): Promise<string> {
  const file = join(folder, "archive");
  writeFileSync(file, bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const out = join(folder, "out");
  await unpackArchive({ file, sizeBytes: bytes.length, sha256, ...LIMITS }, out, never);
  return out;
}

/** It is refused as unfit, and nothing has been written but below the folder it was to fill. */
async function expectRefused(bytes: Uint8Array): Promise<void> {
  const thrown: unknown = await unpack(bytes).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(AgentError);
  expect(thrown).toMatchObject({ code: "update.unfit" });
  expect(readdirSync(folder).sort()).toEqual(["archive", "out"]);
  for (const name of readdirSync(join(folder, "out"), { recursive: true, encoding: "utf8" })) {
    const stats = lstatSync(join(folder, "out", name));
    expect(stats.isFile() || stats.isDirectory()).toBe(true);
  }
}

const RELEASE: readonly TarEntry[] = [
  { name: "./", type: "5" },
  { name: "./node", content: "binary", mode: 0o6755 },
  { name: "agent/", type: "5" },
  { name: "agent/main.js", content: "code" },
  { name: "deep/er/file", content: "without its folders named" },
];

describe("unpackArchive", () => {
  it.each([
    ["plain", (tar: Buffer) => tar],
    ["gzip", (tar: Buffer) => gzipSync(tar)],
    ["zstd", (tar: Buffer) => zstdCompressSync(tar)],
  ])("unpacks %s, and takes set-uid and group rights away", async (_name, pack) => {
    const out = await unpack(pack(tarOf(RELEASE)));
    expect(readFileSync(join(out, "agent/main.js"), "utf8")).toBe("code");
    expect(readFileSync(join(out, "deep/er/file"), "utf8")).toBe("without its folders named");
    expect(lstatSync(join(out, "node")).mode & 0o7777).toBe(0o700);
    expect(lstatSync(join(out, "agent/main.js")).mode & 0o7777).toBe(0o600);
  });

  it.each<[string, readonly TarEntry[]]>([
    ["a name that climbs out", [{ name: "../escaped", content: "x" }]],
    ["a name that climbs out from below", [{ name: "a/b/../../../escaped", content: "x" }]],
    ["a name that climbs and comes back", [{ name: "a/../b", content: "x" }]],
    ["an absolute name", [{ name: "/tmp/causeway-escaped", content: "x" }]],
    ["an absolute name behind a dot", [{ name: ".//tmp/escaped", content: "x" }]],
    ["a name with a backslash", [{ name: "..\\escaped", content: "x" }]],
    ["a name with a line break", [{ name: "a\nb", content: "x" }]],
    ["a symbolic link out", [{ name: "link", type: "2", linkTo: "/etc" }]],
    ["a symbolic link within", [{ name: "link", type: "2", linkTo: "node" }]],
    [
      "a write through a symbolic link",
      [
        { name: "link", type: "2", linkTo: "/tmp" },
        { name: "link/escaped", content: "x" },
      ],
    ],
    ["a hard link out", [{ name: "link", type: "1", linkTo: "/etc/passwd" }]],
    [
      "a hard link to itself",
      [
        { name: "a", content: "x" },
        { name: "b", type: "1", linkTo: "a" },
      ],
    ],
    ["a character device", [{ name: "null", type: "3" }]],
    ["a block device", [{ name: "disk", type: "4" }]],
    ["a named pipe", [{ name: "pipe", type: "6" }]],
    ["a type nobody knows", [{ name: "odd", type: "Z", content: "x" }]],
    [
      "the same file twice",
      [
        { name: "a", content: "x" },
        { name: "./a", content: "y" },
      ],
    ],
    [
      "a file that is a folder too",
      [
        { name: "a", content: "x" },
        { name: "a/b", content: "y" },
      ],
    ],
    [
      "a folder that is a file too",
      [
        { name: "a/b", content: "y" },
        { name: "a", content: "x" },
      ],
    ],
    ["folders without end", [{ name: "a/".repeat(40), type: "5" }]],
    ["more bytes than allowed", [{ name: "a", content: Buffer.alloc(MAX_BYTES + 1) }]],
    [
      "more bytes than allowed, in parts",
      [1, 2, 3].map((n) => ({ name: `${n}`, content: Buffer.alloc(MAX_BYTES / 2) })),
    ],
    ["a size that is a lie", [{ name: "a", content: "x", sizeBytes: 500_000 }]],
    ["more entries than allowed", Array.from({ length: 101 }, (_, n) => ({ name: `f${n}`, type: "5" }))],
  ])("refuses %s", async (_name, entries) => {
    await expectRefused(gzipSync(tarOf(entries)));
  });

  it("refuses a bomb long before it has unpacked it", async () => {
    // 20 MB of zeros behind the last entry, packed to 20 kB.
    const bomb = gzipSync(Buffer.concat([tarOf([{ name: "a", content: "x" }]), Buffer.alloc(20_000_000)]));
    expect(bomb.length).toBeLessThan(40_000);
    await expectRefused(bomb);
  });

  it("refuses an archive in an archive that the parser would unpack by itself", async () => {
    await expectRefused(gzipSync(gzipSync(tarOf(RELEASE))));
  });

  it("refuses what is cut short, damaged or no archive", async () => {
    const tar = gzipSync(tarOf(RELEASE));
    const damaged = Buffer.from(tar);
    damaged[tar.length >> 1] ^= 0xff;
    for (const bytes of [
      tar.subarray(0, tar.length - 20),
      damaged,
      Buffer.from("no archive at all"),
      Buffer.alloc(0),
    ]) {
      folder = temporaryFolder();
      await expectRefused(bytes);
    }
  });

  it("refuses an archive whose size or hash is not the manifest's", async () => {
    const file = join(folder, "archive");
    const bytes = gzipSync(tarOf(RELEASE));
    writeFileSync(file, bytes);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const right = { file, sizeBytes: bytes.length, sha256, ...LIMITS };
    for (const wrong of [{ sha256: "0".repeat(64) }, { sizeBytes: bytes.length + 1 }]) {
      const out = join(folder, JSON.stringify(wrong).length.toString());
      await expect(unpackArchive({ ...right, ...wrong }, out, never)).rejects.toMatchObject({ code: "update.unfit" });
    }
    expect(existsSync("/tmp/causeway-escaped")).toBe(false);
  });
});
