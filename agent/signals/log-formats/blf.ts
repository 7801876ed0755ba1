import { constants, inflateSync } from "node:zlib";
import { messageOf } from "../../core/errors.ts";
import { BLF, BLF_HEADER, BLF_TIME, BLF_TYPE } from "./blf-layout.ts";
import { type BlfObject, frameOf } from "./blf-objects.ts";
import { ByteQueue } from "./byte-queue.ts";
import { readChannelRemark } from "./channels.ts";
import type { LogEntry, LogParser } from "./log-entry.ts";
import { channelName } from "./log-line.ts";
import { systemTimeUs } from "./system-time.ts";

/** Largest object in the file and in a container, bytes; Vector's tools make containers of 128 KiB. */
const MAX_OBJECT_BYTES = 16_777_216;
/** An object that goes on in the next container is kept up to this size, bytes; no frame comes near it. */
const MAX_KEPT_BYTES = 65_536;
const NOTHING: Uint8Array = new Uint8Array(0);
/** An object can have up to this much filling before the next one. */
const MOST_FILLING = 8;
const SLICE_ENTRIES = 4096;
/** The year 10000, µs since the Unix epoch: no format has such a time, and what makes dates of times need not fear it. */
const END_US = 253_402_300_800_000_000;

/**
 * Vector's BLF log as it comes: classic, FD and error frames of its containers, also objects that begin in one container and end in
 * another, and objects outside containers. Other objects are passed over. What cannot be read is told with the byte of the file at
 * which its container begins, and the next object is looked for; of a file that was cut off, everything that is whole is read.
 */
export class BlfParser implements LogParser {
  readonly format = "blf";
  readonly #input = new ByteQueue();
  readonly #names = new Map<number, string>();
  #startUs: number | undefined;
  /** Where the first byte of `#input` lies in the file. */
  #at = 0;
  /** Bytes of an object too large that are still to be passed over. */
  #skip = 0;
  #isLost = false;
  /** The beginning of an object whose end is in the next container. */
  #tail = NOTHING;
  /** Bytes at the beginning of the next container that belong to an object which is passed over. */
  #skipInner = 0;
  #isInnerLost = false;
  #looked = 0;

  get looked(): number {
    return this.#looked;
  }

  *push(chunk: Uint8Array): Generator<readonly LogEntry[]> {
    this.#input.add(chunk);
    if (this.#startUs === undefined && !this.#readHeader()) return;
    for (;;) {
      this.#drop(Math.min(this.#skip, this.#input.length));
      if (this.#skip > 0 || this.#input.length < BLF.objectHeaderBytes) return;
      const view = this.#input.view(BLF.objectHeaderBytes);
      if (view.getUint32(0, true) !== BLF.objectSignature) {
        yield* this.#findNext();
        continue;
      }
      const bytes = view.getUint32(8, true);
      const problem = sizeProblem(bytes);
      if (problem !== undefined) {
        yield [this.#problem(this.#at, problem)];
        this.#isLost = true;
        this.#drop(4);
        continue;
      }
      if (this.#input.length < bytes) return;
      this.#isLost = false;
      yield* this.#outer(view.getUint32(12, true), this.#input.bytes(bytes));
      this.#skip = bytes;
    }
  }

  *end(): Generator<readonly LogEntry[]> {
    const left = this.#input.length;
    if (this.#startUs === undefined) {
      yield [this.#problem(0, `the log ends within its header, which has ${BLF.fileHeaderBytes} bytes`)];
      return;
    }
    if (left > BLF.objectHeaderBytes) {
      const view = this.#input.view(BLF.objectHeaderBytes);
      const isContainer = view.getUint32(12, true) === BLF_TYPE.container;
      const isObject = view.getUint32(0, true) === BLF.objectSignature;
      if (isObject && isContainer && !this.#isLost)
        yield* this.#outer(BLF_TYPE.container, this.#input.bytes(left), true);
    }
    const cut = left > 3 && !this.#isLost ? left : this.#tail.length;
    if (cut > 3)
      yield [this.#problem(this.#at, `the log is cut off within an object, of which ${cut} bytes are there`)];
  }

  /** False while there is too little of it. */
  #readHeader(): boolean {
    if (this.#input.length < BLF.fileHeaderBytes) return false;
    const view = this.#input.view(BLF.fileHeaderBytes);
    this.#startUs = systemTimeUs(view, BLF_HEADER.startTime) ?? 0;
    const told = view.getUint32(BLF_HEADER.headerBytes, true);
    this.#skip = told >= BLF.fileHeaderBytes && told <= MAX_OBJECT_BYTES ? told : BLF.fileHeaderBytes;
    return true;
  }

  #drop(bytes: number): void {
    this.#input.drop(bytes);
    this.#at += bytes;
    this.#skip = Math.max(0, this.#skip - bytes);
  }

  /** Moves on to the next signature. Filling is passed over silently. */
  *#findNext(): Generator<readonly LogEntry[]> {
    const found = this.#input.indexOf(BLF.objectSignature);
    // The last three bytes may be the beginning of one.
    const past = found < 0 ? this.#input.length - 3 : found;
    if (past > MOST_FILLING && !this.#isLost) {
      yield [this.#problem(this.#at, "expected an object, which begins with LOBJ; going on with the next one")];
      this.#isLost = true;
    }
    this.#drop(past);
  }

  /** An object of the file itself. */
  *#outer(type: number, object: Uint8Array, isCut = false): Generator<readonly LogEntry[]> {
    if (type !== BLF_TYPE.container) {
      const tail = this.#tail;
      this.#tail = NOTHING;
      yield* this.#objects(object);
      this.#tail = tail;
      return;
    }
    const headerBytes = BLF.objectHeaderBytes + BLF.containerHeaderBytes;
    if (object.length < headerBytes) {
      yield [this.#problem(this.#at, `a container of ${object.length} bytes, at least ${headerBytes} are needed`)];
      return;
    }
    const method = object[BLF.objectHeaderBytes] + 256 * object[BLF.objectHeaderBytes + 1];
    const content = inflated(method, object.subarray(headerBytes), isCut);
    if (typeof content === "string") {
      this.#tail = NOTHING;
      this.#skipInner = 0;
      this.#isInnerLost = true;
      yield [this.#problem(this.#at, content)];
      return;
    }
    const skipped = Math.min(this.#skipInner, content.length);
    this.#skipInner -= skipped;
    const rest = content.subarray(skipped);
    if (this.#skipInner > 0) return;
    yield* this.#objects(this.#tail.length === 0 ? rest : joined(this.#tail, rest));
  }

  /** The objects in `bytes`; the beginning of one that goes on in the next container is kept. */
  *#objects(bytes: Uint8Array): Generator<readonly LogEntry[]> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    let entries: LogEntry[] = [];
    let at = 0;
    for (;;) {
      const next = nextObject(view, at);
      if ((next ?? bytes.length) - at > MOST_FILLING)
        this.#loseInner(entries, "in a container, expected an object, which begins with LOBJ");
      at = next ?? Math.max(at, bytes.length - 3);
      if (bytes.length - at < BLF.objectHeaderBytes) break;
      const length = view.getUint32(at + 8, true);
      const problem = sizeProblem(length);
      if (problem !== undefined) {
        this.#loseInner(entries, problem);
        at += 4;
        continue;
      }
      if (at + length > bytes.length) break;
      this.#isInnerLost = false;
      const entry = this.#inner(view, bytes, at, at + length);
      if (entry !== undefined) entries.push(entry);
      at += length;
      if (entries.length < SLICE_ENTRIES) continue;
      yield entries;
      entries = [];
    }
    this.#keepRest(view, bytes, at);
    if (entries.length > 0) yield entries;
  }

  /** No frame is as large as what is passed over here, and the next containers need not be put together with it. */
  #keepRest(view: DataView, bytes: Uint8Array, at: number): void {
    const rest = bytes.length - at;
    const length = rest < BLF.objectHeaderBytes ? 0 : view.getUint32(at + 8, true);
    this.#tail = length > MAX_KEPT_BYTES ? NOTHING : bytes.slice(at);
    this.#skipInner = length > MAX_KEPT_BYTES ? length - rest : 0;
  }

  /** Told once for all that cannot be read up to the next object. */
  #loseInner(entries: LogEntry[], problem: string): void {
    if (!this.#isInnerLost) entries.push(this.#problem(this.#at, `${problem}; going on with the next object`));
    this.#isInnerLost = true;
  }

  #inner(view: DataView, bytes: Uint8Array, startAt: number, endAt: number): LogEntry | undefined {
    this.#looked += 1;
    const type = view.getUint32(startAt + 12, true);
    const object = this.#header(view, type, startAt, endAt);
    if (object === undefined) return undefined;
    if (type === BLF_TYPE.appText) this.#noteName(bytes.subarray(object.bodyAt, endAt));
    const found = frameOf(view, bytes, object);
    if (found === undefined) return undefined;
    if (typeof found === "string") return this.#problem(this.#at, found);
    if (found.frame.receivedAtUs >= END_US) return this.#problem(this.#at, "a time beyond the year 9999");
    const bus = this.#names.get(found.channel) ?? channelName(found.channel);
    return { kind: "frame", at: this.#at, bus, frame: found.frame, timed: true, sent: found.sent, line: undefined };
  }

  /** Undefined for a header of a version that is not known, or that does not fit in the object. */
  #header(view: DataView, type: number, startAt: number, endAt: number): BlfObject | undefined {
    const version = view.getUint16(startAt + 6, true);
    const headerBytes = version === 1 ? 32 : version === 2 ? 40 : 0;
    if (headerBytes === 0 || startAt + headerBytes > endAt) return undefined;
    const units = view.getUint32(startAt + 24, true) + view.getUint32(startAt + 28, true) * 4_294_967_296;
    const isCoarse = view.getUint32(startAt + 16, true) === BLF_TIME.tenMicroseconds;
    const receivedAtUs = (this.#startUs ?? 0) + (isCoarse ? units * 10 : Math.round(units / 1000));
    return { type, startAt, bodyAt: startAt + headerBytes, endAt, receivedAtUs };
  }

  /** A text of ours behind 16 bytes tells the name of a channel. */
  #noteName(body: Uint8Array): void {
    const own = readChannelRemark(String.fromCharCode(...body.subarray(16, 16 + 96)).replace(/\0+$/, ""));
    if (own !== undefined) this.#names.set(own[0], own[1]);
  }

  #problem(at: number, problem: string): LogEntry {
    return { kind: "malformed", at, column: undefined, problem };
  }
}

/** Where the next signature is at `from` or behind; undefined without one. */
function nextObject(view: DataView, from: number): number | undefined {
  for (let at = from; at + 4 <= view.byteLength; at += 1) {
    if (view.getUint32(at, true) === BLF.objectSignature) return at;
  }
  return undefined;
}

function sizeProblem(bytes: number): string | undefined {
  if (bytes < BLF.objectHeaderBytes) return `an object of ${bytes} bytes, less than its own header`;
  return bytes > MAX_OBJECT_BYTES ? `an object of ${bytes} bytes, at most ${MAX_OBJECT_BYTES} are read` : undefined;
}

/** The content of a container; of one that is cut off as much as can be had. What is wrong as text. */
function inflated(method: number, content: Uint8Array, isCut: boolean): Uint8Array | string {
  if (method === BLF.uncompressed) return content;
  if (method !== BLF.zlib) return `a container with compression ${method}, known are 0 (none) and 2 (zlib)`;
  try {
    const finishFlush = isCut ? constants.Z_SYNC_FLUSH : constants.Z_FINISH;
    return inflateSync(content, { maxOutputLength: MAX_OBJECT_BYTES, finishFlush });
  } catch (error) {
    return `a container that cannot be unpacked: ${messageOf(error)}`;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
