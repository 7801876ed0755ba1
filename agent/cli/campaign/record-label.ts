import { z } from "zod";
import { inflate, isJson } from "../../telemetry/record/compress.ts";
import { WireReader } from "../../telemetry/record/thin/wire-reader.ts";

/** Longest record that is looked at, bytes without compression. */
const MAX_RECORD_BYTES = 4_194_304;

/** Records of campaigns, by their numbers in `Record.body` of config/proto/telemetry.proto, and the numbers of what says whose they are. */
const BODIES = new Map([
  [10, { kind: "samples", campaign: 7, trigger: 8 }],
  [41, { kind: "samples", campaign: 7, trigger: 8 }],
  [14, { kind: "frames", campaign: 9, trigger: 10 }],
  [16, { kind: "trigger", campaign: 1, trigger: 2 }],
  [17, { kind: "rows", campaign: 1, trigger: 2 }],
  [18, { kind: "histograms", campaign: 1, trigger: undefined }],
]);
const CAMPAIGN_ID = 1;

/** Whose a record is: the campaign, and its trigger, 0 for none. */
export type RecordLabel = { readonly kind: string; readonly campaign: string; readonly trigger: number };

const owned = z.object({
  campaign: z.object({ id: z.string() }),
  trigger: z.number().default(0),
  number: z.number().default(0),
});
const jsonRecord = z.union([
  z
    .object({ rows: owned })
    .transform(({ rows: { campaign, trigger } }) => ({ kind: "rows", campaign: campaign.id, trigger })),
  z
    .object({ trigger: owned })
    .transform(({ trigger: { campaign, number } }) => ({ kind: "trigger", campaign: campaign.id, trigger: number })),
]);

/**
 * Reads nothing of a record but whose it is: a hundredth of the work of `RecordReader`. Undefined for a record of no campaign. Throws
 * `input.malformed` for bytes that are no record.
 */
export function labelOf(payload: Uint8Array): RecordLabel | undefined {
  const bytes = inflate(payload, MAX_RECORD_BYTES);
  if (isJson(bytes)) return jsonRecord.safeParse(JSON.parse(new TextDecoder().decode(bytes))).data;
  const reader = new WireReader(bytes);
  while (reader.next()) {
    const body = BODIES.get(reader.field);
    if (body === undefined) reader.skip(reader.at);
    else {
      const found = ownerOf(reader.content(), body);
      return found.campaign === "" ? undefined : { kind: body.kind, ...found };
    }
  }
  return undefined;
}

function ownerOf(
  content: Uint8Array,
  fields: { readonly campaign: number; readonly trigger: number | undefined },
): Omit<RecordLabel, "kind"> {
  let campaign = "";
  let trigger = 0;
  const reader = new WireReader(content);
  while (reader.next()) {
    if (reader.field === fields.campaign) campaign = idOf(reader.content());
    else if (reader.field === fields.trigger) trigger = reader.uint();
    else reader.skip(reader.at);
  }
  return { campaign, trigger };
}

function idOf(campaign: Uint8Array): string {
  const reader = new WireReader(campaign);
  while (reader.next()) {
    if (reader.field === CAMPAIGN_ID) return new TextDecoder().decode(reader.content());
    reader.skip(reader.at);
  }
  return "";
}
