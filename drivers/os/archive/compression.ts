import { archiveFault } from "./archive-fault.ts";

/** How a tar is packed. */
export type Compression = "none" | "gzip" | "zstd";

const TAKEN: Readonly<Record<Exclude<Compression, "none">, RegExp>> = {
  gzip: /^1f8b/,
  // A frame, or one to be skipped: pzstd begins with such.
  zstd: /^(28b52ffd|5.2a4d18)/,
};
/** What others begin with (file(1), magic numbers), for a message that helps. */
const OTHERS: Readonly<Record<string, RegExp>> = {
  xz: /^fd377a585a00/,
  lzma: /^5d0000/,
  lzip: /^4c5a4950/,
  lz4: /^04224d18/,
  bzip2: /^425a68/,
  compress: /^1f9d/,
  zip: /^504b(0304|0506|0708)/,
  "7-Zip": /^377abcaf271c/,
  rar: /^526172211a07/,
  "Debian package": /^213c617263683e/,
  cpio: /^(30373037|c771|71c7)/,
  squashfs: /^68737173/,
};

/** Where a tar says that it is one (POSIX.1-1988); its beginning is a name, which may look like anything. */
const USTAR = { at: 257, magic: "ustar" } as const;

/** How the file is packed that begins with these bytes, 512 where it has as many. Throws `update.unfit` for an archive of another kind. */
export function compressionOf(start: Uint8Array): Compression {
  const { at, magic: ustar } = USTAR;
  if (Buffer.from(start.subarray(at, at + ustar.length)).toString("latin1") === ustar) return "none";
  const magic = Buffer.from(start.subarray(0, 8)).toString("hex");
  const other = Object.keys(OTHERS).find((name) => OTHERS[name]?.test(magic));
  if (other !== undefined) {
    throw archiveFault(
      `it is an archive of another kind (${other})`,
      "pack it as tar with gzip or zstd: tar --gzip, tar --zstd",
    );
  }
  if (TAKEN.gzip.test(magic)) return "gzip";
  return TAKEN.zstd.test(magic) ? "zstd" : "none";
}
