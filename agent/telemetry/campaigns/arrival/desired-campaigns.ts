import { z } from "zod";
import { type CampaignDocument, campaignDocument } from "../../../../config/campaign.ts";
import { readCampaignText } from "../../../../config/campaign-text.ts";
import { issueText } from "../../../core/issue-text.ts";
import { plainText } from "../../../core/plain-text.ts";
import { sha256Hex } from "../../../core/signatures.ts";

/** Longest id and problem that are told, characters. */
const MAX_ID = 64;
const MAX_PROBLEM = 500;
const campaignId = campaignDocument.shape.id;

/** Campaigns that the list of the cloud may have; more are refused together. */
const MAX_DESIRED = 200;

const signature = z.strictObject({ key: z.string().min(1).max(64), value: z.base64().min(1).max(512) });
const signatures = z.array(signature).max(8).default([]);
/** A signature over a document, by a key of the policy. */
export type DocumentSignature = z.infer<typeof signature>;

const entry = z.union([
  z.strictObject({ document: z.string().max(131_072), signatures }),
  z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), signatures }),
]);

/** A document that came from outside, and the text that its signatures are over. */
export type SignedDocument = {
  readonly document: CampaignDocument;
  /** SHA-256 of the text, 64 hexadecimal digits. */
  readonly sha256: string;
  readonly signatures: readonly DocumentSignature[];
};

/** An entry of the list. "awaited": its document, of this SHA-256, comes by a topic of its own. */
export type DesiredCampaign =
  | ({ readonly kind: "document" } & SignedDocument)
  | { readonly kind: "awaited"; readonly sha256: string; readonly signatures: readonly DocumentSignature[] }
  | { readonly kind: "unread"; readonly reason: string };

/**
 * What the cloud wants to run, by id. An entry is a document as it is, or `{document: TEXT, signatures}`, or where the text is too long
 * `{sha256: OF_THE_TEXT, signatures}`. Gives a reason where there is no list to go by.
 */
export function readDesired(campaigns: unknown): ReadonlyMap<string, DesiredCampaign> | string {
  const list = z.record(z.string(), z.unknown()).safeParse(campaigns ?? {});
  if (!list.success) return `desired.campaigns: ${issueText(list.error)}`;
  const entries = Object.entries(list.data);
  if (entries.length > MAX_DESIRED) return `${entries.length} campaigns, more than the ${MAX_DESIRED} that are taken`;
  return new Map(entries.map(([id, given]) => [plainText(id, MAX_ID), readEntry(id, given)]));
}

/** A document as text, held against the id that it goes by. */
export function readSigned(id: string, text: string, given: readonly DocumentSignature[]): DesiredCampaign {
  const read = readCampaignText(text, id);
  if (typeof read === "string") return { kind: "unread", reason: read };
  return named(id, { document: read, sha256: sha256Hex(Buffer.from(text)), signatures: given });
}

function readEntry(id: string, given: unknown): DesiredCampaign {
  if (!campaignId.safeParse(id).success) return { kind: "unread", reason: "its name is none of a campaign" };
  const envelope = entry.safeParse(given);
  if (envelope.success) {
    const { data } = envelope;
    if ("document" in data) return readSigned(id, data.document, data.signatures);
    return { kind: "awaited", sha256: data.sha256, signatures: data.signatures };
  }
  const parsed = campaignDocument.safeParse(given);
  if (!parsed.success) return { kind: "unread", reason: plainText(issueText(parsed.error), MAX_PROBLEM) };
  const sha256 = sha256Hex(Buffer.from(JSON.stringify(given)));
  return named(id, { document: parsed.data, sha256, signatures: [] });
}

function named(id: string, signed: SignedDocument): DesiredCampaign {
  if (signed.document.id === id) return { kind: "document", ...signed };
  return { kind: "unread", reason: `id: ${signed.document.id} stands under ${id}` };
}
