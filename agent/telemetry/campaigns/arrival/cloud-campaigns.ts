import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { Log } from "../../../core/log.ts";
import { digestOf } from "../plan/campaign-plan.ts";
import type { CampaignControl, SourceOffer } from "./campaign-control.ts";
import type { CampaignStore, KeptCampaigns, NewestVersion } from "./campaign-store.ts";
import {
  type DesiredCampaign,
  type DocumentSignature,
  readDesired,
  readSigned,
  type SignedDocument,
} from "./desired-campaigns.ts";

/** Documents of the topic that nobody has asked for yet, which are remembered: the list may come after them. */
const MAX_EARLY = 8;

export type CloudCampaignParts = {
  readonly control: Pick<CampaignControl, "offer" | "tried">;
  readonly store: Pick<CampaignStore, "save">;
  /** Why a document may not be set by the cloud; undefined for one that may. */
  readonly unauthorised: (signed: SignedDocument) => string | undefined;
  readonly log: Log;
};

type Unread = SourceOffer["unread"][number];

/**
 * The campaigns of the cloud, as its list has them. Each entry is taken whole or not at all; one that is refused leaves what was accepted
 * before under its id, and what was accepted outlives restarts and weeks offline. The version of an id never goes back.
 */
export class CloudCampaigns {
  readonly #parts: CloudCampaignParts;
  #kept: KeptCampaigns;
  #awaited = new Map<string, readonly DocumentSignature[]>();
  readonly #early = new Map<string, string>();
  #told = "";
  #list: ReadonlyMap<string, DesiredCampaign> = new Map();

  /** `kept` is what was saved before this start, which the control knows already. */
  constructor(kept: KeptCampaigns, parts: CloudCampaignParts) {
    this.#kept = kept;
    this.#parts = parts;
  }

  /** Takes the list of the cloud. Undefined: there is none, so that nobody has taken anything away. */
  take(desired: unknown): void {
    if (desired === undefined && this.#kept.isListGone) return;
    const list = readDesired(desired);
    if (typeof list === "string") {
      this.#parts.log.error("campaign.list-unread", { what: list });
      return;
    }
    this.#list = list;
    this.#apply();
  }

  /** The shadow is not there: what was accepted runs on until there is a list again. */
  loseList(): void {
    if (this.#kept.isListGone || this.#kept.documents.length === 0) return;
    this.#keep({ ...this.#kept, isListGone: true });
    this.#parts.log.warn("campaign.list-gone", { kept: this.#kept.documents.length });
  }

  /** A document has come by the topic of its own. */
  takeDocument(id: string, text: string): void {
    this.#early.delete(id);
    this.#early.set(id, text);
    for (const oldest of this.#early.keys()) {
      if (this.#early.size <= MAX_EARLY) break;
      this.#early.delete(oldest);
    }
    if (this.#awaited.has(id)) this.#apply();
  }

  #apply(): void {
    const unread: Unread[] = [];
    let next: KeptCampaigns = { ...this.#kept, documents: [], isListGone: false };
    this.#awaited = new Map();
    for (const [id, entry] of this.#list) {
      const known = this.#kept.documents.find((one) => one.id === id);
      const found = entry.kind === "awaited" ? this.#arrived(id, entry) : entry;
      const problem = this.#problemOf(found, next);
      if (found.kind === "document" && problem === undefined) next = withDocument(next, found);
      else if (known !== undefined && !isOf(found, known)) next = { ...next, documents: [...next.documents, known] };
      if (found.kind === "awaited") this.#awaited.set(id, found.signatures);
      if (problem !== undefined) unread.push({ id, version: versionOf(found), reason: problem });
    }
    this.#keep(next);
    this.#parts.control.offer("cloud", { documents: next.documents, unread });
    this.#tell(next, unread);
  }

  /** What has changed: the list comes again with every connection. */
  #tell({ documents }: KeptCampaigns, unread: readonly Unread[]): void {
    const { log } = this.#parts;
    const told = JSON.stringify([documents.map(({ id, version }) => [id, version]), unread]);
    if (told === this.#told) return;
    this.#told = told;
    for (const { id, version, reason } of unread)
      log.warn("campaign.refused", { source: "cloud", id, version, what: reason });
    log.info("campaign.list-taken", { campaigns: documents.length, refused: unread.length });
  }

  /** What an entry without a text stands for: the document that has come, or the one that was accepted before. */
  #arrived(id: string, entry: Extract<DesiredCampaign, { kind: "awaited" }>): DesiredCampaign {
    const known = this.#kept.documents.find((one) => one.id === id);
    const newest = this.#kept.newest.find((one) => one.id === id);
    if (known !== undefined && newest?.sha256 === entry.sha256) {
      return { kind: "document", document: known, sha256: entry.sha256, signatures: entry.signatures };
    }
    const text = this.#early.get(id);
    if (text === undefined) return entry;
    const read = readSigned(id, text, entry.signatures);
    return read.kind === "document" && read.sha256 !== entry.sha256 ? entry : read;
  }

  #problemOf(found: DesiredCampaign, { documents, newest }: KeptCampaigns): string | undefined {
    if (found.kind === "unread") return found.reason;
    if (found.kind === "awaited") return "awaited: its document has not come by the topic of its own";
    const { id, version } = found.document;
    const last = newest.find((one) => one.id === id);
    if (last !== undefined && version < last.version) {
      return `version: ${version} is older than ${last.version}, which the cloud has set before`;
    }
    if (last?.version === version && last.digest !== digestOf(found.document)) {
      return `version: ${version} said something else before: give it a higher one`;
    }
    const unauthorised = this.#parts.unauthorised(found);
    if (unauthorised !== undefined) return unauthorised;
    const { refused } = this.#parts.control.tried("cloud", { documents: [...documents, found.document], unread: [] });
    return refused.find((one) => one.source === "cloud" && one.kind === "refused" && one.id === id)?.reason;
  }

  /** Durable before it counts. What cannot be written counts all the same until the next start: the list comes again. */
  #keep(next: KeptCampaigns): void {
    if (JSON.stringify(next) !== JSON.stringify(this.#kept)) {
      try {
        this.#parts.store.save("cloud", next);
      } catch (thrown) {
        this.#parts.log.error("campaign.store-unwritable", { what: String(thrown) });
      }
    }
    this.#kept = next;
  }
}

/** What is refused now does not run on as what was accepted before. */
function isOf(found: DesiredCampaign, known: CampaignDocument): boolean {
  return found.kind === "document" && digestOf(found.document) === digestOf(known);
}

function versionOf(found: DesiredCampaign): number {
  return found.kind === "document" ? found.document.version : 0;
}

function withDocument(kept: KeptCampaigns, { document, sha256 }: SignedDocument): KeptCampaigns {
  const { id, version } = document;
  const last = kept.newest.find((one) => one.id === id);
  const entry: NewestVersion = { id, version, digest: digestOf(document), sha256 };
  const isKnown = last !== undefined && JSON.stringify(last) === JSON.stringify(entry);
  const newest = isKnown ? kept.newest : [...kept.newest.filter((one) => one.id !== id), entry];
  return { ...kept, documents: [...kept.documents, document], newest };
}
