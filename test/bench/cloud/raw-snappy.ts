/**
 * Reads raw snappy byte by byte, slowly and plainly, from google/snappy's format_description.txt: the length of the whole as a varint,
 * then elements, each literal bytes or a copy of what came before. Throws for anything else.
 */
export function snappyBytes(input: Uint8Array): Uint8Array {
  const reader = new ByteReader(input);
  const length = reader.varint();
  const output: number[] = [];
  while (!reader.atEnd()) {
    const tag = reader.byte();
    const kind = tag & 3;
    const high = tag >> 2;
    if (kind === 0) {
      const count = high < 60 ? high + 1 : reader.littleEndian(high - 59) + 1;
      for (let at = 0; at < count; at++) output.push(reader.byte());
      continue;
    }
    const count = kind === 1 ? (high & 7) + 4 : high + 1;
    const offset = kind === 1 ? (tag >> 5) * 256 + reader.byte() : reader.littleEndian(kind === 2 ? 2 : 4);
    if (offset === 0 || offset > output.length)
      throw new Error(`a copy from ${offset} bytes before byte ${output.length}`);
    // One by one: a copy may reach into itself.
    for (let at = 0; at < count; at++) output.push(output[output.length - offset]);
  }
  if (output.length !== length) throw new Error(`${output.length} bytes, where ${length} are announced`);
  return Uint8Array.from(output);
}

class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  byte(): number {
    if (this.atEnd()) throw new Error("the bytes end inside an element");
    return this.#bytes[this.#at++];
  }

  littleEndian(count: number): number {
    let value = 0;
    for (let at = 0; at < count; at++) value += this.byte() * 256 ** at;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let weight = 1; ; weight *= 128) {
      const byte = this.byte();
      value += (byte & 127) * weight;
      if (byte < 128) return value;
    }
  }
}
