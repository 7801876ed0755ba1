import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const CAMPAIGN = { id: 1, version: 2, digest: 3 } as const;

/** Names the campaign that a record is of. What the rules of the configuration ask for is of none. */
export type CampaignRef = {
  readonly id: string;
  readonly version: number;
  /** First 16 hexadecimal digits of the SHA-256 of its document. */
  readonly digest: string;
};

/** What of a campaign a record belongs to. */
export type RecordMark = {
  readonly campaign: CampaignRef;
  /** Number of the trigger's record; 0 none. */
  readonly trigger: number;
};

/** Writes the `Campaign` message as field `field`. */
export function writeCampaign(writer: ProtobufWriter, field: number, { id, version, digest }: CampaignRef): void {
  writer.begin(field, 40);
  writer.stringField(CAMPAIGN.id, id);
  writer.uintField(CAMPAIGN.version, version);
  writer.stringField(CAMPAIGN.digest, digest);
  writer.end();
}
