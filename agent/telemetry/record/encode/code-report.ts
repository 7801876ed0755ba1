import { packPieces } from "./pack-pieces.ts";
import { ProtobufWriter } from "./protobuf-writer.ts";
import { type CodeState, writeCodeState } from "./trouble-code.ts";

/** Field numbers of config/proto/telemetry.proto. */
const REPORT = { timeUs: 1, reason: 2, codes: 3, part: 4, parts: 5, ecu: 6, refused: 7 } as const;

/** Bytes of a part besides what it lists; the name of a control unit is cut so that it is in them. */
const OVERHEAD_BYTES = 384;
const MAX_ECU_CHARACTERS = 100;

/** All active codes at one time. */
export type CodeReport = {
  /** µs since the Unix epoch. */
  readonly timeUs: number;
  readonly reason: "day" | "asked";
  /** The control unit that was asked for; absent for all. */
  readonly ecu?: string | undefined;
  readonly codes: readonly CodeState[];
  /** Sightings of codes that there was no room to remember, since the agent started. */
  readonly refused: number;
};

/** The `TroubleCodeReport` message as field `field`, in parts of at most `maxBytes`; one for no codes. Freeze data stay out. */
export function encodeCodeReport(report: CodeReport, field: number, maxBytes: number): readonly Uint8Array[] {
  const parts = packPieces(report.codes.map(encodeCode), maxBytes - OVERHEAD_BYTES);
  return parts.map((pieces, part) => encodePart(report, field, { pieces, part, parts: parts.length }));
}

type Part = { readonly pieces: readonly Uint8Array[]; readonly part: number; readonly parts: number };

function encodePart(report: CodeReport, field: number, { pieces, part, parts }: Part): Uint8Array {
  const writer = new ProtobufWriter();
  writer.begin(field, pieces.length * 128);
  writer.sintField(REPORT.timeUs, report.timeUs);
  writer.stringField(REPORT.reason, report.reason);
  for (const piece of pieces) writer.append(piece);
  writer.uintField(REPORT.part, part);
  writer.uintField(REPORT.parts, parts);
  writer.stringField(REPORT.ecu, (report.ecu ?? "").slice(0, MAX_ECU_CHARACTERS));
  writer.uintField(REPORT.refused, report.refused);
  writer.end();
  return writer.finish();
}

function encodeCode(code: CodeState): Uint8Array {
  const writer = new ProtobufWriter();
  writeCodeState(writer, REPORT.codes, { ...code, freeze: [], freezeDropped: 0 });
  return writer.finish();
}
