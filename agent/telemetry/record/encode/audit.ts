import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const AUDIT = { number: 1, previous: 2, digest: 3, entry: 4 } as const;

/** One entry of the audit trail. */
export type AuditEntry = {
  /** Counts from 1 without a hole over the life of the journal. */
  readonly number: number;
  /** Digest of the entry before, 64 hexadecimal digits; zeros for the first. */
  readonly previous: string;
  /** SHA-256 over the bytes of `previous` and the UTF-8 of `entry`, 64 hexadecimal digits. */
  readonly digest: string;
  /** What happened, JSON. */
  readonly entry: string;
};

/** Writes the `Audit` message as field `field`. */
export function writeAudit(
  writer: ProtobufWriter,
  field: number,
  { number, previous, digest, entry }: AuditEntry,
): void {
  writer.begin(field, 64);
  writer.uintField(AUDIT.number, number);
  writer.stringField(AUDIT.previous, previous);
  writer.stringField(AUDIT.digest, digest);
  writer.stringField(AUDIT.entry, entry);
  writer.end();
}
