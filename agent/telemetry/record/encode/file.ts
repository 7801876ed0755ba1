import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const FILE_PART = { name: 1, sha256: 2, part: 3, parts: 4, content: 5 } as const;
/** Bytes of a part besides its name and content. */
const OVERHEAD_BYTES = 128;

/** A file that travels as records. */
export type OutgoingFile = {
  readonly name: string;
  readonly content: Uint8Array;
  /** Of `content`, hexadecimal. */
  readonly sha256: string;
};

/** A part of a file; `part` counts from 0. */
export type FilePart = OutgoingFile & { readonly part: number; readonly parts: number };

/** The parts of a file, each of which fits a record body of `maxBodyBytes`; one for an empty file. */
export function partsOf(file: OutgoingFile, maxBodyBytes: number): readonly FilePart[] {
  const room = maxBodyBytes - OVERHEAD_BYTES - Buffer.byteLength(file.name);
  const parts = Math.max(1, Math.ceil(file.content.length / room));
  return Array.from({ length: parts }, (_, part) => ({
    ...file,
    content: file.content.subarray(part * room, (part + 1) * room),
    part,
    parts,
  }));
}

/** Writes the `FilePart` message as field `field`. */
export function writeFilePart(writer: ProtobufWriter, field: number, file: FilePart): void {
  writer.begin(field, file.content.length + OVERHEAD_BYTES);
  writer.stringField(FILE_PART.name, file.name);
  writer.stringField(FILE_PART.sha256, file.sha256);
  writer.uintField(FILE_PART.part, file.part);
  writer.uintField(FILE_PART.parts, file.parts);
  writer.bytesField(FILE_PART.content, file.content);
  writer.end();
}
