import { z } from "zod";
import { type CampaignDocument, campaignDocument } from "../../../../config/campaign.ts";
import { messageOf } from "../../../core/errors.ts";
import { issueText } from "../../../core/issue-text.ts";
import type { Log } from "../../../core/log.ts";
import { sha256Hex } from "../../../core/signatures.ts";
import type { StateFiles } from "../../../ports/state-files.ts";
import type { CampaignSource } from "./campaign-choice.ts";

/** Sources whose campaigns this vehicle must remember by itself. */
export type KeptSource = Extract<CampaignSource, "local" | "cloud">;

/** Documents that are kept, and ids whose newest version is remembered. */
const MAX_KEPT = 10_000;

const version = z.strictObject({
  id: z.string(),
  version: z.int(),
  digest: z.string(),
  /** Of the text that it came as. */
  sha256: z.string().optional(),
});
/** The newest version of an id that a source has set. */
export type NewestVersion = z.infer<typeof version>;

const content = z.strictObject({
  schemaVersion: z.literal(1),
  documents: z.array(z.unknown()).max(MAX_KEPT),
  forced: z.array(z.string()).max(MAX_KEPT),
  newest: z.array(version).max(MAX_KEPT),
  isListGone: z.boolean(),
});

/** What a source has set so far. */
export type KeptCampaigns = {
  readonly documents: readonly CampaignDocument[];
  /** Ids that count whatever version others have. */
  readonly forced: readonly string[];
  /** The newest version of each id ever taken, also of those that are not set any more; the oldest entry first. */
  readonly newest: readonly NewestVersion[];
  /** The list of the source was not there when it was last asked, so that what is missing in it was not taken away by anybody. */
  readonly isListGone: boolean;
};

/** Nothing was ever set. */
export const NO_CAMPAIGNS: KeptCampaigns = { documents: [], forced: [], newest: [], isListGone: false };

export type CampaignStoreParts = { readonly files: StateFiles; readonly log: Log };

/**
 * What was last accepted of sources that are not there at a start, each in a file of its own with the one before it beside it. The first
 * line of a file is the SHA-256 of the rest. A damaged file is set aside and told, and the one before it counts.
 */
export class CampaignStore {
  readonly #parts: CampaignStoreParts;

  constructor(parts: CampaignStoreParts) {
    this.#parts = parts;
  }

  /** What was saved last, or the time before where that is damaged. Throws nothing. */
  load(source: KeptSource): KeptCampaigns {
    const { log } = this.#parts;
    const names = namesOf(source);
    const newest = this.#read(names.newest);
    const text = newest ?? this.#read(names.before);
    if (text === undefined) return NO_CAMPAIGNS;
    if (newest === undefined) log.warn("campaign.store-restored", { source, from: names.before });
    const parsed = content.safeParse(JSON.parse(text));
    if (!parsed.success) {
      log.error("campaign.store-unusable", { source, what: issueText(parsed.error) });
      return NO_CAMPAIGNS;
    }
    const { documents, forced, newest: versions, isListGone } = parsed.data;
    return { documents: this.#documentsIn(documents, source), forced, newest: versions, isListGone };
  }

  /** Keeps `kept` in place of what was saved before. Throws `output.unwritable`; what was saved before is still there then. */
  save(source: KeptSource, kept: KeptCampaigns): void {
    const { files } = this.#parts;
    const names = namesOf(source);
    const before = this.#read(names.newest);
    if (before !== undefined) files.replace(names.before, sealed(before));
    const newest = kept.newest.slice(-MAX_KEPT);
    files.replace(names.newest, sealed(JSON.stringify({ schemaVersion: 1, ...kept, newest })));
  }

  /** The content of a file that is whole; a damaged one is set aside. */
  #read(name: string): string | undefined {
    const { files, log } = this.#parts;
    let what = "its checksum does not fit";
    try {
      const text = files.read(name);
      if (text === undefined) return undefined;
      const whole = unsealed(text);
      if (whole !== undefined) return whole;
    } catch (thrown) {
      what = messageOf(thrown);
    }
    log.error("campaign.store-damaged", { file: name, what, aside: files.setAside(name) });
    return undefined;
  }

  #documentsIn(given: readonly unknown[], source: KeptSource): readonly CampaignDocument[] {
    return given.flatMap((one) => {
      const parsed = campaignDocument.safeParse(one);
      if (parsed.success) return [parsed.data];
      // Of a newer agent, before a rollback.
      this.#parts.log.error("campaign.kept-unfit", { source, what: issueText(parsed.error) });
      return [];
    });
  }
}

function namesOf(source: KeptSource): { readonly newest: string; readonly before: string } {
  return { newest: `${source}.json`, before: `${source}.before.json` };
}

function sealed(text: string): string {
  return `${sha256Hex(Buffer.from(text))}\n${text}`;
}

function unsealed(text: string): string | undefined {
  const rest = text.slice(65);
  return text === sealed(rest) ? rest : undefined;
}
