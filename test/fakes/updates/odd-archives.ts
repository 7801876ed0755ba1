import { spawnSync } from "node:child_process";
import { linkSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";

/** An archive that some tool made, and what is to become of it. "same": what GNU tar makes of it. */
export type OddArchive = { readonly name: string; readonly bytes: Buffer; readonly outcome: "same" | "rejected" };

const LONG = "a-name-of-more-than-one-hundred-characters-".repeat(3);

/** Folders to pack: what tools do with each depends on the format. */
export function makeTrees(folder: string): void {
  const write = (path: string, content: string | Buffer, mode = 0o644): void =>
    writeFileSync(join(folder, path), content, { mode });
  for (const name of ["plain", "long", "hard", "soft", "sparse", "break", "latin", "none"]) {
    mkdirSync(join(folder, name));
  }
  mkdirSync(join(folder, "plain", "empty"));
  mkdirSync(join(folder, "plain", "lib"));
  write("plain/program", "#!/bin/sh\n", 0o755);
  write("plain/nothing", "");
  write("plain/lib/block", Buffer.alloc(512, "x"));
  write("plain/lib/large", Buffer.alloc(300_000, "some text that packs well, "));
  write(`long/${LONG}`, "long");
  write("long/größe-値.txt", "wide");
  mkdirSync(join(folder, "long/below/below", LONG), { recursive: true });
  write(`long/below/below/${LONG}/leaf`, "leaf");
  write("hard/one", "shared");
  linkSync(join(folder, "hard/one"), join(folder, "hard/two"));
  write("soft/one", "content");
  symlinkSync("one", join(folder, "soft/two"));
  // The hole comes first: the bytes in the archive are not those of the file.
  write("sparse/holes", "");
  truncateSync(join(folder, "sparse/holes"), 500_000);
  writeFileSync(join(folder, "sparse/holes"), "behind the hole", { flag: "a" });
  write("break/a\nb", "two lines");
  writeFileSync(Buffer.concat([Buffer.from(join(folder, "latin/gr")), Buffer.from([0xfc]), Buffer.from("n")]), "x");
}

/** All of them, made from the trees in `folder`. */
export function oddArchives(folder: string): readonly OddArchive[] {
  const tar = (...args: readonly string[]): Buffer => run(folder, "tar", ["-cf", "-", "--sort=name", ...args]);
  const bsdtar = (...args: readonly string[]): Buffer => run(folder, "bsdtar", ["-cf", "-", ...args]);
  const plain = tar("-C", "plain", ".");
  const long = tar("-C", "long", ".");
  return [
    ...formats(tar, bsdtar),
    ...packed(folder, plain),
    ...sparse(tar, bsdtar),
    ...ends(plain, long),
    ...named(tar, bsdtar),
    ...others(folder, tar, bsdtar),
  ];
}

type Pack = (...args: readonly string[]) => Buffer;

function formats(tar: Pack, bsdtar: Pack): readonly OddArchive[] {
  const gnu = ["v7", "oldgnu", "gnu", "ustar", "pax"].map((format) =>
    same(`GNU ${format}`, tar(`--format=${format}`, "-C", "plain", ".")),
  );
  const bsd = ["v7", "ustar", "pax", "gnutar"].map((format) =>
    same(`bsdtar ${format}`, bsdtar("--format", format, "-C", "plain", ".")),
  );
  return [
    ...gnu,
    ...bsd,
    same("GNU, long names", tar("--format=gnu", "-C", "long", ".")),
    same("pax, long names", tar("--format=pax", "-C", "long", ".")),
    same("bsdtar pax, long names", bsdtar("--format", "pax", "-C", "long", ".")),
    same("bsdtar gnutar, long names", bsdtar("--format", "gnutar", "-C", "long", ".")),
    same("attributes and a comment for all", tar("--format=pax", "--pax-option=comment=x", "-C", "plain", ".")),
    same("names without ./", tar("-C", "plain", "program", "lib", "empty")),
    same("blocks of 512 bytes", tar("-b", "1", "-C", "plain", ".")),
    same("blocks of one megabyte", tar("-b", "2047", "-C", "plain", ".")),
    same("incremental", tar("--incremental", "-C", "plain", ".")),
    same("nothing", tar("-C", "none", "--files-from=/dev/null")),
  ];
}

function packed(folder: string, plain: Buffer): readonly OddArchive[] {
  const cuts = [0, 700, 60_000, 200_000, plain.length];
  const parts = cuts.slice(1).map((to, at) => plain.subarray(cuts[at], to));
  const zstd = (bytes: Buffer, ...args: readonly string[]): Buffer => run(folder, "zstd", ["-qc", ...args], bytes);
  const skippable = Buffer.concat([Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]), Buffer.from("skip")]);
  const members = parts.map((part) => gzipSync(part));
  const frames = parts.map((part) => zstdCompressSync(part));
  return [
    same("gzip", gzipSync(plain)),
    same("gzip of several members", Buffer.concat(members)),
    same("gzip with an empty member", Buffer.concat([gzipSync(Buffer.alloc(0)), ...members])),
    same("gzip and zeros", Buffer.concat([...members, Buffer.alloc(1000)])),
    same("zstd", zstd(plain)),
    same("zstd -19 with its checksum", zstd(plain, "-19", "--check")),
    same("zstd of several frames", Buffer.concat(frames)),
    same("zstd with frames to skip", Buffer.concat([skippable, ...frames.flatMap((one) => [one, skippable])])),
    same("zstd with an empty frame", Buffer.concat([zstdCompressSync(Buffer.alloc(0)), ...frames])),
    same("pzstd", run(folder, "pzstd", ["-qc", "-p", "4"], Buffer.concat([plain, Buffer.alloc(900_000)]))),
    refused("zstd with garbage behind it", Buffer.concat([...frames, Buffer.from("garbage!")])),
    refused("zstd with one byte behind it", Buffer.concat([...frames, Buffer.from("g")])),
    refused("zstd without its last frame", Buffer.concat(frames.slice(0, -1))),
    refused("zstd whose second frame is damaged", flipped(Buffer.concat(frames), frames[0].length + 100)),
    refused("gzip without its last member", Buffer.concat(members.slice(0, -1))),
    refused("gzip whose second member is damaged", flipped(Buffer.concat(members), members[0].length + 100)),
    refused("gzip in zstd", zstdCompressSync(gzipSync(plain))),
  ];
}

function sparse(tar: Pack, bsdtar: Pack): readonly OddArchive[] {
  const versions = ["0.0", "0.1", "1.0"].map((version) =>
    refused(`sparse ${version}`, tar("--format=pax", "-S", `--sparse-version=${version}`, "-C", "sparse", ".")),
  );
  return [
    ...versions,
    refused("sparse, GNU", tar("--format=gnu", "-S", "-C", "sparse", ".")),
    refused("sparse, bsdtar", bsdtar("--format", "pax", "-C", "sparse", ".")),
    same("sparse, packed as a plain file", tar("--format=pax", "-C", "sparse", ".")),
  ];
}

function ends(plain: Buffer, long: Buffer): readonly OddArchive[] {
  const size = endOf(long);
  return [
    refused("a second archive behind the first", Buffer.concat([plain, long])),
    refused("garbage behind its end", Buffer.concat([plain, Buffer.from("garbage")])),
    refused("no end", long.subarray(0, size)),
    refused("half an end", Buffer.concat([long.subarray(0, size), Buffer.alloc(512)])),
    refused("a long name and no entry", Buffer.concat([long.subarray(0, 1536), Buffer.alloc(1024)])),
    refused("an end in the middle", Buffer.concat([Buffer.alloc(512), long])),
    refused("no byte", Buffer.alloc(0)),
  ];
}

function named(tar: Pack, bsdtar: Pack): readonly OddArchive[] {
  return [
    refused("a hard link", tar("-C", "hard", ".")),
    refused("a hard link, bsdtar", bsdtar("-C", "hard", ".")),
    same("hard links as files", tar("--hard-dereference", "-C", "hard", ".")),
    refused("a symbolic link", tar("-C", "soft", ".")),
    same("symbolic links as files", tar("--dereference", "--hard-dereference", "-C", "soft", ".")),
    refused("a line break in a name, pax", tar("--format=pax", "-C", "break", ".")),
    refused("a line break in a name, GNU", tar("--format=gnu", "-C", "break", ".")),
    refused("a name that is not UTF-8, pax", tar("--format=pax", "-C", "latin", ".")),
    refused("a name that is not UTF-8, GNU", tar("--format=gnu", "-C", "latin", ".")),
    refused("a path for all", tar("--format=pax", "--pax-option=path=other", "-C", "plain", ".")),
    refused("a label", tar("--label=volume", "-C", "plain", ".")),
  ];
}

function others(folder: string, tar: Pack, bsdtar: Pack): readonly OddArchive[] {
  const plain = tar("-C", "plain", ".");
  return [
    refused("xz", run(folder, "xz", ["-c"], plain)),
    refused("bzip2", bsdtar("--bzip2", "-C", "plain", ".")),
    refused("lzip", bsdtar("--lzip", "-C", "plain", ".")),
    refused("zip", bsdtar("--format", "zip", "-C", "plain", ".")),
    refused("7-Zip", bsdtar("--format", "7zip", "-C", "plain", ".")),
    refused("cpio", bsdtar("--format", "odc", "-C", "plain", ".")),
    refused("ar", bsdtar("--format", "ar", "-C", "plain", "program")),
    refused("xz in gzip", gzipSync(run(folder, "xz", ["-c"], plain))),
  ];
}

/** Where the two blocks of zeros begin. */
function endOf(archive: Buffer): number {
  let end = archive.length;
  while (archive.subarray(end - 512, end).every((byte) => byte === 0)) end -= 512;
  return end;
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] ^= 0xff;
  return copy;
}

function same(name: string, bytes: Buffer): OddArchive {
  return { name, bytes, outcome: "same" };
}

function refused(name: string, bytes: Buffer): OddArchive {
  return { name, bytes, outcome: "rejected" };
}

/** What a tool prints; throws when it fails. */
function run(folder: string, command: string, args: readonly string[], input?: Buffer): Buffer {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, input, maxBuffer: 50_000_000 });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${status}: ${String(stderr)}`);
  return stdout;
}
