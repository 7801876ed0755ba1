import {
  closeSync,
  copyFileSync,
  existsSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { AgentError } from "../../../../../agent/core/errors.ts";
import {
  type LossRange,
  type Outbox,
  type RecordId,
  STREAMS,
  type StreamName,
} from "../../../../../agent/ports/outbox.ts";
import { openOutbox } from "../../../../../drivers/sqlite/outbox/outbox.ts";
import { RestCipher } from "../../../../../drivers/sqlite/outbox/rest-cipher.ts";
import { draftOf, payloadOf } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const PAGE_BYTES = 1024;
const FRAME_BYTES = 24 + PAGE_BYTES;
/** Columns of a row take about this much in front of its text. */
const COLUMN_BYTES = 40;
const ALL = Number.MAX_SAFE_INTEGER;
/** Restarts that one damage may take to be worked off. */
const MAX_STARTS = 4;

/** Where a damage lands. */
export const PLACES = [
  "db header",
  "db page",
  "record columns",
  "loss columns",
  "wal header",
  "wal frame",
  "wal tail",
  "watermark",
] as const;
export type Place = (typeof PLACES)[number];
/** What it does there: one bit, the file's end, up to a page of zeros, up to a page of noise, all of it gone. */
export const KINDS = ["flip", "cut", "zeros", "noise", "gone"] as const;
export type Kind = (typeof KINDS)[number];

/** What the outside knows: every id whose append returned, with the size of its payload, and what became of it. */
export class Oracle {
  readonly #sizes = new Map<string, number>();
  readonly #reports = new Map<string, string>();
  readonly #settled = new Set<string>();
  readonly #lost = new Set<string>();
  readonly reused: string[] = [];
  readonly invented: string[] = [];

  stored(id: RecordId, bytes: number): void {
    const key = keyOf(id);
    if (this.#sizes.has(key) || this.#reports.has(key)) this.reused.push(key);
    this.#sizes.set(key, bytes);
  }

  arrived(id: RecordId, payload: Uint8Array): void {
    const key = keyOf(id);
    const bytes = this.#sizes.get(key);
    const isRight = bytes !== undefined && Buffer.compare(payload, payloadOf(id, bytes)) === 0;
    if (!isRight) this.invented.push(key);
    this.#settled.add(key);
  }

  /** A record arrived that says that others are lost. */
  told(id: RecordId, payload: Uint8Array): void {
    const key = keyOf(id);
    const text = new TextDecoder().decode(payload);
    if (this.#sizes.has(key) || (this.#reports.get(key) ?? text) !== text) this.reused.push(key);
    this.#reports.set(key, text);
    const [epoch = 0, stream = 0, first = 0, last = 0] = text.split(" ").map(Number);
    if (last - first > 100_000) throw new RangeError(`a loss of ${last - first} records`);
    for (let seq = first; seq <= last; seq += 1)
      this.#lost.add(keyOf({ epoch, stream: STREAMS[stream] ?? "event", seq }));
  }

  /** Ids that neither arrived nor were told as lost. */
  untold(): readonly string[] {
    return [...this.#sizes.keys()].filter((key) => !this.#settled.has(key) && !this.#lost.has(key));
  }

  /** Records that were told as lost and did not arrive, that did arrive, and that no append returned. */
  losses(): { readonly lost: number; readonly arrived: number; readonly unknown: number } {
    const told = [...this.#lost];
    const known = told.filter((key) => this.#sizes.has(key));
    const arrived = known.filter((key) => this.#settled.has(key)).length;
    const unknown = told.filter((key) => !this.#sizes.has(key) && !this.#reports.has(key)).length;
    return { lost: known.length - arrived, arrived, unknown };
  }
}

/** An agent's outbox in `folder`, with what it told the outside. */
export class Vehicle {
  readonly #folder: string;
  readonly #random: () => number;
  readonly #oracle: Oracle;
  readonly #key: Uint8Array | undefined;

  /** `key`: what is stored is encrypted with it. */
  constructor(folder: string, random: () => number, oracle: Oracle, key?: Uint8Array) {
    this.#key = key;
    this.#folder = folder;
    this.#random = random;
    this.#oracle = oracle;
  }

  get file(): string {
    return join(this.#folder, "outbox.db");
  }

  /** Works for `steps` steps and ends: in order, or as a kill would leave the files. */
  work(steps: number, isKilled: boolean): void {
    let outbox = this.#open();
    for (let step = 0; step < steps; step += 1) {
      try {
        this.#step(outbox);
      } catch (thrown) {
        if (!isUnavailable(thrown)) throw thrown;
        // As the agent does when it meets damage.
        outbox.close();
        outbox = this.#open();
      }
    }
    if (!isKilled) return outbox.close();
    const names = readdirSync(this.#folder).filter((name) => !name.endsWith(".left"));
    for (const name of names) copyFileSync(join(this.#folder, name), join(this.#folder, `${name}.left`));
    outbox.close();
    for (const name of names) copyFileSync(join(this.#folder, `${name}.left`), join(this.#folder, name));
  }

  /** Starts until everything has left the outbox, as records or as told losses; adds some of its own on the way. */
  drain(): void {
    for (let start = 0; start < MAX_STARTS; start += 1) {
      const outbox = this.#open();
      try {
        this.#append(outbox);
        this.#leave(outbox);
        return outbox.close();
      } catch (thrown) {
        if (!isUnavailable(thrown)) throw thrown;
        outbox.close();
      }
    }
    throw new Error("still damaged after several starts");
  }

  #open(): Outbox {
    const settings = {
      file: this.file,
      random: this.#random,
      maxBytes: 150_000,
      clock: new ManualClock(),
      log: new MemoryLog(),
    };
    const cipher = this.#key === undefined ? undefined : new RestCipher(this.#key, true);
    return openOutbox({ ...settings, sizes: { logBytes: 65_536, reserveBytes: 0 } }, undefined, { cipher }).outbox;
  }

  #step(outbox: Outbox): void {
    const kind = this.#random();
    if (kind < 0.6) this.#append(outbox);
    else if (kind < 0.85) this.#deliver(outbox, this.#stream(), 1 + this.#below(6));
    else if (kind < 0.92) this.#lose(outbox);
    else this.#report(outbox, 1 + this.#below(3));
  }

  #append(outbox: Outbox): void {
    const sizes = Array.from({ length: 1 + this.#below(4) }, () => this.#below(this.#random() < 0.2 ? 9000 : 300));
    try {
      const ids = outbox.append(sizes.map((bytes) => draftOf(this.#stream(), bytes)));
      ids.forEach((id, index) => this.#oracle.stored(id, sizes[index] ?? 0));
    } catch (thrown) {
      if (!(thrown instanceof AgentError) || thrown.code !== "outbox.full") throw thrown;
    }
  }

  #deliver(outbox: Outbox, stream: StreamName, count: number): number {
    const records = outbox.read(stream, 0, ALL, count, ALL);
    for (const record of records) {
      if (record.encoding === "zstd") this.#oracle.told(record, record.payload);
      else this.#oracle.arrived(record, record.payload);
    }
    outbox.ack(records.map(({ row }) => row));
    return records.length;
  }

  #lose(outbox: Outbox): void {
    const [record] = outbox.read(this.#stream(), 0, ALL, 1, ALL);
    if (record !== undefined) outbox.lose([record.row], this.#random() < 0.5 ? "expired" : "rejected", "test");
  }

  #report(outbox: Outbox, max: number): number {
    return outbox.reportLosses(
      (loss) => draftOf("event", 0, { encoding: "zstd", seal: () => new TextEncoder().encode(textOf(loss)) }),
      max,
    );
  }

  #leave(outbox: Outbox): void {
    for (let round = 0; round < 100; round += 1) {
      const reported = this.#report(outbox, 100);
      const delivered = STREAMS.map((stream) => this.#deliver(outbox, stream, 1000));
      if (reported + Math.max(...delivered) === 0) return;
    }
    throw new Error("it never drains");
  }

  #stream(): StreamName {
    return STREAMS[this.#below(STREAMS.length)] ?? "event";
  }

  #below(bound: number): number {
    return Math.floor(this.#random() * bound);
  }
}

/** The places of which `file` has something. */
export function placesIn(file: string): readonly Place[] {
  return PLACES.filter((place) => rangeOf(file, place, () => 0) !== undefined);
}

/** Damages one place of `file`, at random within it. Returns what was done, for people. */
export function damage(file: string, place: Place, kind: Kind, random: () => number): string {
  const range = rangeOf(file, place, random);
  if (range === undefined) throw new Error(`${place}: nothing there`);
  const { path, from, bytes } = range;
  if (kind === "gone") {
    rmSync(path);
    return `${path} gone`;
  }
  const at = from + Math.floor(random() * bytes);
  const handle = openSync(path, "r+");
  if (kind === "cut") ftruncateSync(handle, at);
  else if (kind === "flip") {
    const byte = new Uint8Array(1);
    readSync(handle, byte, 0, 1, at);
    byte[0] = (byte[0] ?? 0) ^ (1 << Math.floor(random() * 8));
    writeSync(handle, byte, 0, 1, at);
  } else {
    const length = 1 + Math.floor(random() * Math.min(PAGE_BYTES, from + bytes - at));
    writeSync(
      handle,
      new Uint8Array(length).map(() => (kind === "zeros" ? 0 : Math.floor(random() * 256))),
      0,
      length,
      at,
    );
  }
  closeSync(handle);
  return `${kind} at ${at} of ${path} (${statSync(path).size} bytes)`;
}

type ByteRange = { readonly path: string; readonly from: number; readonly bytes: number };

function rangeOf(file: string, place: Place, random: () => number): ByteRange | undefined {
  const path = place.startsWith("wal") ? `${file}-wal` : place === "watermark" ? `${file}.watermark` : file;
  const size = existsSync(path) ? statSync(path).size : 0;
  const frames = Math.floor((size - 32) / FRAME_BYTES);
  if (size === 0) return undefined;
  switch (place) {
    case "db header":
      return { path, from: 0, bytes: 100 };
    case "db page":
      return { path, from: 100, bytes: size - 100 };
    case "record columns":
      return before(path, /(control|event|telemetry|capture) \d+ |\xc5\x5e\xa1/g, random);
    case "loss columns":
      return before(path, /(test|outbox.db damaged|reached)/g, random);
    case "wal header":
      return { path, from: 0, bytes: 32 };
    case "wal frame":
      return frames > 0 ? { path, from: 32, bytes: frames * FRAME_BYTES } : undefined;
    case "wal tail":
      return frames > 0
        ? { path, from: 32 + Math.max(0, frames - 3) * FRAME_BYTES, bytes: Math.min(3, frames) * FRAME_BYTES }
        : undefined;
    case "watermark":
      return { path, from: 0, bytes: size };
    default:
      throw new Error(place);
  }
}

/** The bytes in front of a text that stands in the file, where the columns before it are. */
function before(path: string, text: RegExp, random: () => number): ByteRange | undefined {
  const places = [...readFileSync(path, "latin1").matchAll(text)].map(({ index }) => index);
  const at = places[Math.floor(random() * places.length)];
  return at === undefined ? undefined : { path, from: Math.max(100, at - COLUMN_BYTES), bytes: COLUMN_BYTES };
}

function textOf({ epoch, stream, first, last }: LossRange): string {
  return [epoch, STREAMS.indexOf(stream), first, last].join(" ");
}

function keyOf({ epoch, stream, seq }: RecordId): string {
  return `${epoch}/${stream}/${seq}`;
}

function isUnavailable(thrown: unknown): boolean {
  return thrown instanceof AgentError && thrown.code === "outbox.unavailable";
}
