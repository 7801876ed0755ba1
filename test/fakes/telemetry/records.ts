import type { EncodedDraft } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import type { DecodedRecord, RecordBody } from "../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { idOf } from "./samples.ts";

const reader = createRecordReader(readDescriptor());

/** The records of drafts as a consumer reads them, with seqs from 1. */
export function decodeAll(drafts: readonly EncodedDraft[]): DecodedRecord[] {
  return drafts.map((draft, at) => reader.decode(draft.seal(idOf(at + 1, draft.stream))));
}

/** The body of a record that must hold `kind`. */
export function bodyOf<K extends RecordBody["kind"]>(record: DecodedRecord, kind: K): Extract<RecordBody, { kind: K }> {
  const isKind = (body: RecordBody): body is Extract<RecordBody, { kind: K }> => body.kind === kind;
  if (!isKind(record.body)) throw new Error(`the record holds ${record.body.kind}, not ${kind}`);
  return record.body;
}
