import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../agent/core/errors.ts";
import { unpackArchive } from "../../../drivers/os/archive/unpack.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { makeTrees, type OddArchive, oddArchives } from "../../fakes/updates/odd-archives.ts";
import { tarOf } from "../../fakes/updates/tar.ts";

const never = new AbortController().signal;

function corpus(): readonly OddArchive[] {
  const trees = temporaryFolder();
  makeTrees(trees);
  return oddArchives(trees);
}

/** Unpacks it; gives the folder. */
async function unpacked(bytes: Buffer): Promise<string> {
  const folder = temporaryFolder();
  const file = join(folder, "archive");
  writeFileSync(file, bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const out = join(folder, "out");
  await unpackArchive(
    { file, sizeBytes: bytes.length, sha256, maxUnpackedBytes: 3_000_000, maxEntries: 50 },
    out,
    never,
  );
  return out;
}

/** What GNU tar makes of it, behind zstd, which unpacks gzip too and takes what is not packed as it is. */
function byTar(bytes: Buffer): string {
  const out = temporaryFolder();
  const bounds = { maxBuffer: 50_000_000 };
  const { stdout } = spawnSync("zstd", ["-dcf"], { input: bytes, ...bounds });
  const { status, stderr } = spawnSync("tar", ["-xf", "-", "-C", out], { input: stdout, ...bounds });
  if (status !== 0) throw new Error(`tar: ${String(stderr)}`);
  return out;
}

/** Each file with its bytes and whether it may be executed, each folder. */
function contentOf(folder: string): Readonly<Record<string, string>> {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    paths.map((path) => {
      const stats = lstatSync(join(folder, path));
      if (stats.isDirectory()) return [path, "folder"];
      const digest = createHash("sha256")
        .update(readFileSync(join(folder, path)))
        .digest("hex");
      return [path, `${digest} ${(stats.mode & 0o100) !== 0}`];
    }),
  );
}

describe("archives of all kinds of tools", () => {
  it("become what GNU tar makes of them, or are refused whole", async () => {
    const archives = corpus();
    const problems: string[] = [];
    for (const { name, bytes, outcome } of archives) {
      const out = await unpacked(bytes).catch((error: unknown) => error);
      if (typeof out !== "string") {
        const isUnfit = out instanceof Error && "code" in out && out.code === "update.unfit";
        if (outcome === "same" || !isUnfit) problems.push(`${name}: ${String(out)}`);
      } else if (outcome === "rejected") problems.push(`${name}: was taken`);
      else if (JSON.stringify(contentOf(out)) !== JSON.stringify(contentOf(byTar(bytes))))
        problems.push(`${name}: differs`);
    }
    expect(problems).toEqual([]);
    expect(archives.length).toBeGreaterThan(60);
  });

  it("say what to do about those that are not taken", async () => {
    const archives = corpus();
    const rejection = async (name: string): Promise<string> => {
      const bytes = archives.find((archive) => archive.name === name)?.bytes ?? Buffer.alloc(0);
      const thrown: unknown = await unpacked(bytes).catch((error: unknown) => error);
      return thrown instanceof AgentError ? `${thrown.message}: ${thrown.remedy}` : "no rejection";
    };
    for (const kind of ["xz", "zip", "bzip2", "7-Zip"]) {
      const what = `archive: it is an archive of another kind (${kind})`;
      expect(await rejection(kind)).toBe(`${what}: pack it as tar with gzip or zstd: tar --gzip, tar --zstd`);
    }
    expect(await rejection("sparse, bsdtar")).toContain("--no-read-sparse");
    expect(await rejection("a hard link")).toContain("--hard-dereference");
  });

  it("are refused wherever they are cut", async () => {
    const tar = tarOf([
      { name: "folder/", type: "5" },
      { name: "folder/file", content: Buffer.alloc(600, "abc") },
      { name: "last", content: "x" },
    ]);
    const half = tar.length / 2;
    const zstd = Buffer.concat([zstdCompressSync(tar.subarray(0, half)), zstdCompressSync(tar.subarray(half))]);
    for (const whole of [tar, gzipSync(tar), zstd]) {
      // Behind the last byte that is not zero a plain tar has its end, which is zeros alone.
      const step = whole === tar ? 256 : 3;
      for (let length = 0; length < whole.length; length += step) {
        await expect(unpacked(whole.subarray(0, length))).rejects.toMatchObject({ code: "update.unfit" });
      }
      await unpacked(whole);
    }
  });
});
