import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BLOCK_BYTES = 512;

/** One raw entry of a ustar archive; `type` as in the header: "0" file, "1" hard link, "2" symbolic link, "3" device, "5" folder, "6" pipe. */
export type TarEntry = {
  readonly name: string;
  readonly type?: string;
  readonly content?: string | Uint8Array;
  readonly linkTo?: string;
  readonly mode?: number;
  /** Size in the header, when it is to be a lie. */
  readonly sizeBytes?: number;
};

/** Bytes of a ustar archive (POSIX.1-1988), with whatever names and types a test wants. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), Buffer.alloc(2 * BLOCK_BYTES)]);
}

/** Writes it packed with gzip; gives the path. */
export function writeTarGz(file: string, entries: readonly TarEntry[]): string {
  writeFileSync(file, gzipSync(tarOf(entries)));
  return file;
}

function blocksOf({ name, type = "0", content = "", linkTo = "", mode = 0o644, sizeBytes }: TarEntry): Buffer[] {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write(name, 0, 100, "latin1");
  header.write(`${mode.toString(8).padStart(7, "0")}\0`, 100);
  header.write(`${"0".repeat(7)}\0${"0".repeat(7)}\0`, 108);
  header.write(`${(sizeBytes ?? bytes.length).toString(8).padStart(11, "0")}\0`, 124);
  header.write(`${"0".repeat(11)}\0${" ".repeat(8)}`, 136);
  header.write(type, 156);
  header.write(linkTo, 157, 100);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((BLOCK_BYTES - (bytes.length % BLOCK_BYTES)) % BLOCK_BYTES);
  return [header, bytes, padding];
}
