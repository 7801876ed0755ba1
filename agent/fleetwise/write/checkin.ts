import { ProtobufWriter } from "../../telemetry/record/encode/protobuf-writer.ts";

/** Field numbers of config/proto/fleetwise.proto. */
const CHECKIN = { documentSyncId: 1, timeMs: 2 } as const;

/** That the vehicle is there, and which documents it goes by: manifest, schemes and state templates. */
export type Checkin = {
  readonly documentSyncIds: readonly string[];
  /** ms since the Unix epoch */
  readonly timeMs: number;
};

/** Protobuf; check-ins are never compressed. */
export function encodeCheckin({ documentSyncIds, timeMs }: Checkin): Uint8Array {
  const writer = new ProtobufWriter();
  for (const id of documentSyncIds) writer.presentStringField(CHECKIN.documentSyncId, id);
  writer.uintField(CHECKIN.timeMs, timeMs);
  return writer.finish();
}
