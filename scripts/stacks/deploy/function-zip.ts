import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { bundle } from "../../packaging/program-files.ts";

/** 1980-01-01, the first day of the format: the same content gives the same bytes. */
const DATE = 0x0021;
const DEFLATED = 8;

/** A file of an archive; `name` has slashes between folders. */
export type ZipEntry = { readonly name: string; readonly content: Uint8Array };

/** A ZIP archive (PKWARE APPNOTE 6.3, without its 64-bit form: at most 65,535 files and 4 GB). */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, content } of entries) {
    const path = Buffer.from(name);
    const packed = deflateRawSync(content);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt16LE(0x0800, 2);
    common.writeUInt16LE(DEFLATED, 4);
    common.writeUInt16LE(DATE, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(packed.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(path.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, path, packed]);
    const rest = Buffer.alloc(14);
    // Regular file, readable by all.
    rest.writeUInt32LE(0o100644 * 0x10000, 6);
    rest.writeUInt32LE(offset, 10);
    // Made by Unix, version 2.0.
    central.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x03"), common, rest, path]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

/** Makes the zip of the companion function in `folder`: its code joined by rolldown, its page beside it. Gives its path, which holds a digest. */
export async function makeFunctionZip(root: string, folder: string): Promise<string> {
  const work = mkdtempSync(join(tmpdir(), "causeway-function-"));
  try {
    await bundle({ main: join(root, "agent/companion/main.ts") }, work);
    const code = filesBelow(work);
    const page = filesBelow(join(root, "agent/companion/page")).map(({ name, content }) => ({
      name: `page/${name}`,
      content,
    }));
    const type = { name: "package.json", content: Buffer.from('{"type":"module"}') };
    const zip = zipOf([type, ...code, ...page].toSorted((a, b) => a.name.localeCompare(b.name)));
    const path = join(folder, `companion-${digestOf(zip)}.zip`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, zip);
    return path;
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Twelve hexadecimal digits of the SHA-256: another key for another content. */
export function digestOf(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 12);
}

function filesBelow(folder: string): readonly ZipEntry[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ name: relative(folder, path), content: readFileSync(path) }));
}
