/** Longest payload that is read, bytes: as a record is at most, without compression. */
export const MAX_PAYLOAD_BYTES = 4_194_304;
/** Longest line: a payload in hexadecimal, and what may stand before it. */
const MAX_LINE_BYTES = 2 * MAX_PAYLOAD_BYTES + 4096;
/** Bytes that are looked at to see how payloads are parted; a record is longer. */
const LOOK_BYTES = 16;
/** No record is shorter, bytes. */
const SHORTEST_RECORD = 24;
const LINE_FEED = 0x0a;
const BRACE = 0x7b;
const END_BRACE = 0x7d;

/** A payload, or what is wrong in its place; `at` says where, and is empty where there is one payload alone. */
export type FramedPayload =
  | { readonly at: string; readonly payload: Uint8Array }
  | { readonly at: string; readonly problem: string };

/**
 * How payloads follow each other. "one": there is one alone, all bytes. "delimited": each after its length as a varint, as
 * `writeDelimitedTo` and `parseDelimitedFrom` of protobuf have it. "lines": each in a line, in hexadecimal (`mosquitto_sub -F %x`), in
 * base64 or as JSON; what stands before it in the line, after a space, is passed over (`-F '%t %x'`).
 */
type Framing = "one" | "delimited" | "lines";

/** Parts payloads that come in pieces of any size, as a pipe gives them. Tells by the first bytes how they are parted; holds one payload at most. */
export class PayloadSplitter {
  #framing: Framing | undefined;
  #held = Buffer.alloc(0);
  #count = 0;
  /** No payload can be found any more. */
  #isLost = false;

  /** The payloads that are complete with `piece`, which is copied. */
  push(piece: Uint8Array): readonly FramedPayload[] {
    if (this.#isLost) return [];
    this.#held = Buffer.concat([this.#held, piece]);
    this.#framing ??= framingOf(this.#held, false);
    return this.#take(false);
  }

  /** What is left at the end: of nothing at all one empty payload. */
  end(): readonly FramedPayload[] {
    if (this.#isLost) return [];
    this.#framing ??= framingOf(this.#held, true) ?? "one";
    return this.#take(true);
  }

  #take(isEnd: boolean): readonly FramedPayload[] {
    switch (this.#framing) {
      case undefined:
        return [];
      case "one":
        return this.#one(isEnd);
      case "delimited":
        return this.#delimited(isEnd);
      case "lines":
        return this.#lines(isEnd);
    }
  }

  #one(isEnd: boolean): readonly FramedPayload[] {
    if (this.#held.length > MAX_PAYLOAD_BYTES) return [this.#lose("", `is longer than ${MAX_PAYLOAD_BYTES} bytes`)];
    return isEnd ? [{ at: "", payload: this.#held }] : [];
  }

  #delimited(isEnd: boolean): readonly FramedPayload[] {
    const found: FramedPayload[] = [];
    let from = 0;
    for (;;) {
      const at = `record ${this.#count + 1}`;
      const length = varint(this.#held, from);
      if (length !== undefined && length.value > MAX_PAYLOAD_BYTES) {
        found.push(this.#lose(at, `its length is ${length.value} bytes: more than ${MAX_PAYLOAD_BYTES}`));
        return found;
      }
      if (length === undefined || length.end + length.value > this.#held.length) break;
      from = length.end + length.value;
      this.#count += 1;
      found.push({ at, payload: this.#held.subarray(length.end, from) });
    }
    this.#held = this.#held.subarray(from);
    if (isEnd && this.#held.length > 0) {
      found.push({ at: `record ${this.#count + 1}`, problem: `ends in the middle, after ${this.#held.length} bytes` });
    }
    return found;
  }

  #lines(isEnd: boolean): readonly FramedPayload[] {
    const found: FramedPayload[] = [];
    let from = 0;
    for (let end = this.#held.indexOf(LINE_FEED); end >= 0; end = this.#held.indexOf(LINE_FEED, from)) {
      this.#line(this.#held.subarray(from, end), found);
      from = end + 1;
    }
    this.#held = this.#held.subarray(from);
    if (this.#held.length > MAX_LINE_BYTES) {
      found.push(this.#lose(`line ${this.#count + 1}`, `is longer than ${MAX_LINE_BYTES} bytes`));
    } else if (isEnd) this.#line(this.#held, found);
    return found;
  }

  #line(bytes: Buffer, found: FramedPayload[]): void {
    this.#count += 1;
    const at = `line ${this.#count}`;
    const line = bytes.toString("latin1").trim();
    if (line === "") return;
    if (line.startsWith("{")) {
      found.push({ at, payload: bytes });
      return;
    }
    const last = line.slice(line.search(/\S+$/));
    const payload = bytesOf(last);
    found.push(payload === undefined ? { at, problem: "is neither hexadecimal nor base64" } : { at, payload });
  }

  #lose(at: string, problem: string): FramedPayload {
    this.#isLost = true;
    this.#held = Buffer.alloc(0);
    return { at, problem };
  }
}

function bytesOf(text: string): Uint8Array | undefined {
  if (text.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(text)) return Buffer.from(text, "hex");
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text) ? Buffer.from(text, "base64") : undefined;
}

/** Undefined while too little has come to tell. */
function framingOf(bytes: Buffer, isEnd: boolean): Framing | undefined {
  if (bytes.length < LOOK_BYTES && !isEnd) return undefined;
  // A length of 123 bytes and the first field of a record look like the beginning of a document of several lines.
  if (bytes[0] === BRACE && bytes[1] === LINE_FEED) {
    if (bytes.length <= BRACE && !isEnd) return undefined;
    if (bytes.subarray(0, BRACE + 1).every(isText)) return "one";
  }
  const length = varint(bytes, 0);
  if (length !== undefined && length.value >= SHORTEST_RECORD && beginsRecord(bytes.subarray(length.end))) {
    return "delimited";
  }
  if (bytes[0] === BRACE) return jsonFraming(bytes, isEnd);
  // A record in protobuf begins with a line feed, and may go on with a long name.
  return bytes[0] >= 0x20 && bytes.subarray(0, LOOK_BYTES).every(isText) ? "lines" : "one";
}

function isText(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || byte === LINE_FEED || byte === 0x0d || byte === 0x09;
}

/** A record in JSON may also be a document of several lines. */
function jsonFraming(bytes: Buffer, isEnd: boolean): Framing | undefined {
  const end = bytes.indexOf(LINE_FEED);
  if (end < 0) return isEnd || bytes.length > MAX_PAYLOAD_BYTES ? "one" : undefined;
  const last = bytes[end - 1] === 0x0d ? bytes[end - 2] : bytes[end - 1];
  return last === END_BRACE ? "lines" : "one";
}

/** Whether a payload begins so: protobuf with the thing first, gzip, zstd, JSON, or the version and suite of one that is encrypted. */
function beginsRecord([first, second]: Uint8Array): boolean {
  if (first === 0x1f) return second === 0x8b;
  if (first === 0x28) return second === 0xb5;
  if (first === 0x02) return second === 0x04;
  return first === 0x0a || first === BRACE;
}

/** A length of at most 28 bits. */
function varint(bytes: Uint8Array, from: number): { readonly value: number; readonly end: number } | undefined {
  let value = 0;
  for (let at = 0; at < 4 && from + at < bytes.length; at++) {
    const byte = bytes[from + at];
    value += (byte & 0x7f) * 2 ** (7 * at);
    if (byte < 0x80 || at === 3) return { value, end: from + at + 1 };
  }
  return undefined;
}
