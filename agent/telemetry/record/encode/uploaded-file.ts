import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const UPLOADED = {
  upload: 1,
  kind: 2,
  name: 3,
  sizeBytes: 4,
  sha256: 5,
  location: 6,
  etag: 7,
  isChecked: 8,
  reason: 9,
  timeUs: 10,
} as const;
/** UTF-16 units of each text that others have written; what is longer is cut. */
const MAX_TEXT = 1024;

/** A file that an object store has, all of it. */
export type UploadedFile = {
  /** Id of its upload, which the answer to whoever asked told. */
  readonly upload: string;
  readonly kind: string;
  readonly name: string;
  readonly sizeBytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  /** URL without its query. */
  readonly location: string;
  /** The store's name for these bytes; empty where it gave none. */
  readonly etag: string;
  /** Whether the store was told the SHA-256, and so has checked it. */
  readonly isChecked: boolean;
  /** Of whoever asked; empty where none was given. */
  readonly reason: string;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Writes the `UploadedFile` message as field `field`. */
export function writeUploadedFile(writer: ProtobufWriter, field: number, file: UploadedFile): void {
  writer.begin(field, 1024);
  writer.stringField(UPLOADED.upload, file.upload);
  writer.stringField(UPLOADED.kind, file.kind);
  writer.stringField(UPLOADED.name, file.name.slice(0, MAX_TEXT));
  writer.uintField(UPLOADED.sizeBytes, file.sizeBytes);
  writer.stringField(UPLOADED.sha256, file.sha256);
  writer.stringField(UPLOADED.location, file.location.slice(0, MAX_TEXT));
  writer.stringField(UPLOADED.etag, file.etag);
  writer.uintField(UPLOADED.isChecked, file.isChecked ? 1 : 0);
  writer.stringField(UPLOADED.reason, file.reason.slice(0, MAX_TEXT));
  writer.sintField(UPLOADED.timeUs, file.timeUs);
  writer.end();
}
