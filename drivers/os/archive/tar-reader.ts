import { archiveFault } from "./archive-fault.ts";
import { BLOCK_BYTES, beforeNul, isZero, parseHeader, parsePax, type TarHeader, textOf } from "./tar-header.ts";

/** An extended header, which may hold attributes that are not taken. */
const MAX_META_BYTES = 262_144;
/** Zeros behind the end, to fill a record: tar takes records of up to 1 MiB. */
const MAX_TRAILER_BYTES = 1_048_576;

/** What is read out of an archive, in its order. Whatever a call throws ends the reading. */
export type TarEntries = {
  folder(name: string): void;
  /** Its content comes next, and then its end. */
  file(name: string, sizeBytes: number, isExecutable: boolean): void;
  content(bytes: Uint8Array): void;
  fileEnd(): void;
};

/** Bounds of one archive: headers of entries, and bytes of all their content. */
export type TarLimits = { readonly maxEntries: number; readonly maxUnpackedBytes: number };

/** What stands before an entry and is meant for it. */
type Given = { path?: string; sizeBytes?: number; longName?: string };

type Body = { readonly take: (bytes: Buffer) => void; readonly end: () => void; leftBytes: number; fillBytes: number };

/**
 * Reads a tar as it comes, and takes it whole or throws `update.unfit`: plain files and folders in the formats of V7, POSIX (ustar, pax)
 * and GNU, with long names. Nothing is passed over that would make the result another one: links, devices, sparse files, several
 * volumes, a second archive behind the end, and an archive without its end are refused.
 */
export class TarReader {
  readonly #entries: TarEntries;
  readonly #limits: TarLimits;
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #blockBytes = 0;
  #body: Body | undefined;
  #given: Given = {};
  #headers = 0;
  #contentBytes = 0;
  #zeroBlocks = 0;
  #trailerBytes = 0;

  constructor(entries: TarEntries, limits: TarLimits) {
    this.#entries = entries;
    this.#limits = limits;
  }

  write(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const rest = chunk.subarray(at);
      if (this.#isOver()) at += this.#takeTrailer(rest);
      else at += this.#body === undefined ? this.#takeHeader(rest) : this.#takeBody(rest, this.#body);
    }
  }

  /** Nothing follows. */
  end(): void {
    if (!this.#isOver()) throw archiveFault("it ends early");
  }

  #isOver(): boolean {
    return this.#zeroBlocks === 2;
  }

  #takeTrailer(rest: Buffer): number {
    this.#trailerBytes += rest.length;
    if (!isZero(rest))
      throw archiveFault("something follows its end", "pack all files into one archive (tar --create)");
    if (this.#trailerBytes > MAX_TRAILER_BYTES) throw archiveFault("it holds more than its entries");
    return rest.length;
  }

  #takeHeader(rest: Buffer): number {
    const takenBytes = rest.copy(this.#block, this.#blockBytes);
    this.#blockBytes += takenBytes;
    if (this.#blockBytes < BLOCK_BYTES) return takenBytes;
    this.#blockBytes = 0;
    const header = parseHeader(this.#block);
    if (header === undefined) this.#endBlock();
    else if (this.#zeroBlocks > 0) throw archiveFault("an entry of it follows its end");
    else this.#enter(header);
    return takenBytes;
  }

  #endBlock(): void {
    if (Object.keys(this.#given).length > 0) throw archiveFault("it ends early");
    this.#zeroBlocks += 1;
  }

  #takeBody(rest: Buffer, body: Body): number {
    if (body.leftBytes > 0) {
      const content = rest.subarray(0, body.leftBytes);
      body.take(content);
      body.leftBytes -= content.length;
      if (body.leftBytes === 0) this.#bodyEnd(body);
      return content.length;
    }
    const filled = Math.min(body.fillBytes, rest.length);
    body.fillBytes -= filled;
    if (body.fillBytes === 0) this.#body = undefined;
    return filled;
  }

  #bodyEnd(body: Body): void {
    body.end();
    if (body.fillBytes === 0) this.#body = undefined;
  }

  #enter(header: TarHeader): void {
    switch (header.type) {
      case "L":
        return this.#takeMeta(header, (bytes) => this.#give({ longName: textOf(beforeNul(bytes)) }));
      case "K":
        // The long name of a link's target: the link itself is refused.
        return this.#takeMeta(header, ignore);
      case "x":
      case "X":
        return this.#takeMeta(header, (bytes) => this.#give(givenBy(parsePax(bytes))));
      case "g":
        this.#count();
        return this.#takeMeta(header, (bytes) => refuseForAll(parsePax(bytes)));
      default:
        this.#count();
        return this.#takeEntry(header);
    }
  }

  #takeEntry({ type, mode, ...header }: TarHeader): void {
    const { path, longName, sizeBytes = header.sizeBytes } = this.#given;
    this.#given = {};
    const name = path ?? longName ?? header.name;
    const kind = kindOf(type, name);
    if (kind === "file") return this.#takeFile(name, sizeBytes, (mode & 0o111) !== 0);
    if (kind === "folder" && sizeBytes > 0) throw archiveFault(`${name}: a folder with content`);
    this.#entries.folder(name);
    this.#expect(sizeBytes, { take: ignore, end: ignore });
  }

  #takeFile(name: string, sizeBytes: number, isExecutable: boolean): void {
    this.#entries.file(name, sizeBytes, isExecutable);
    this.#expect(sizeBytes, {
      take: (bytes) => this.#entries.content(bytes),
      end: () => this.#entries.fileEnd(),
    });
  }

  #takeMeta({ sizeBytes }: TarHeader, use: (bytes: Buffer) => void): void {
    if (sizeBytes > MAX_META_BYTES) throw archiveFault(`an extended header of it has ${sizeBytes} bytes`);
    const bytes = Buffer.alloc(sizeBytes);
    let filled = 0;
    const take = (content: Buffer): void => {
      filled += content.copy(bytes, filled);
    };
    this.#expect(sizeBytes, { take, end: () => use(bytes) });
  }

  #expect(sizeBytes: number, { take, end }: Pick<Body, "take" | "end">): void {
    const { maxUnpackedBytes } = this.#limits;
    this.#contentBytes += sizeBytes;
    if (this.#contentBytes > maxUnpackedBytes) throw archiveFault(`it unpacks to more than ${maxUnpackedBytes} bytes`);
    const body = { take, end, leftBytes: sizeBytes, fillBytes: -sizeBytes & (BLOCK_BYTES - 1) };
    if (sizeBytes > 0) this.#body = body;
    else end();
  }

  /** What would name the entry in two ways is read differently by different programs. */
  #give(given: Given): void {
    const isTwice = Object.keys(given).some((key) => key in this.#given);
    const both = { ...this.#given, ...given };
    if (isTwice || (both.path !== undefined && both.longName !== undefined)) {
      throw archiveFault("an entry of it has two extended headers");
    }
    this.#given = both;
  }

  #count(): void {
    const { maxEntries } = this.#limits;
    this.#headers += 1;
    if (this.#headers > maxEntries) throw archiveFault(`it has more than ${maxEntries} entries`);
  }
}

/** What counts for the next entry. Owners, times, attributes and the targets of links are not taken. An empty value stands for none. */
function givenBy(records: ReadonlyMap<string, Buffer>): Given {
  refuseSparse(records);
  const path = records.get("path");
  const size = records.get("size")?.toString("latin1");
  if (size !== undefined && !/^\d{1,15}$/.test(size))
    throw archiveFault("a size in an extended header of it is damaged");
  return {
    ...(path === undefined || path.length === 0 ? {} : { path: textOf(path) }),
    ...(size === undefined ? {} : { sizeBytes: Number(size) }),
  };
}

/** A header for all entries is a comment (git archive writes one); what would change each of them is a mistake. */
function refuseForAll(records: ReadonlyMap<string, Buffer>): void {
  refuseSparse(records);
  const odd = ["path", "size", "linkpath"].find((key) => records.has(key));
  if (odd !== undefined) throw archiveFault(`one ${odd} is given for all its entries`);
}

/** Their content is not what the file holds; the same goes for the parts of several volumes. */
function refuseSparse(records: ReadonlyMap<string, Buffer>): void {
  const odd = [...records.keys()].find((key) => /^(GNU\.|SUN\.holesdata|SCHILY\.realsize)/.test(key));
  if (odd?.startsWith("GNU.volume") === true) throw archiveFault("it is one of several volumes");
  if (odd !== undefined) throw sparse("it");
}

type EntryKind = "file" | "folder" | "listed-folder";

/** The types that are taken; D is a folder of GNU tar whose content lists its files, and is passed over. */
const KINDS: Readonly<Record<string, EntryKind>> = { "0": "file", "7": "file", "5": "folder", D: "listed-folder" };

/** What an entry is; throws `update.unfit` for one that is not taken. */
function kindOf(type: string, name: string): EntryKind {
  const kind = KINDS[type];
  if (kind === undefined) throw refusedType(name, type);
  // The oldest format knows a folder by its name alone.
  return kind === "file" && name.endsWith("/") ? "folder" : kind;
}

const NAMES: Readonly<Record<string, readonly [name: string, remedy: string]>> = {
  "1": ["a hard link", "pack it with: tar --dereference --hard-dereference"],
  "2": ["a symbolic link", "pack it with: tar --dereference --hard-dereference"],
  "3": ["a device", "leave it out"],
  "4": ["a device", "leave it out"],
  "6": ["a pipe", "leave it out"],
  M: ["the rest of a file of another volume", "pack it in one volume"],
  V: ["the label of a volume", "pack it without --label"],
};

function refusedType(name: string, type: string): Error {
  if (type === "S") return sparse(name);
  const [what, remedy] = NAMES[type] ?? [`an entry of type ${JSON.stringify(type)}`, "pack plain files and folders"];
  return archiveFault(`${name}: ${what}, which is not taken`, remedy);
}

function sparse(name: string): Error {
  return archiveFault(
    `${name}: a sparse file, which is not taken`,
    "pack it without --sparse (bsdtar: with --no-read-sparse)",
  );
}

function ignore(): void {
  // What it is called with changes nothing.
}
