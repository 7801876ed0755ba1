/** What the judge says of one campaign. */
export type CampaignVerdict = {
  readonly id: string;
  readonly version: number;
  readonly triggers: number;
  /** Samples, aggregates, cells and frames of captures that are as they must be, or are not. */
  readonly judged: number;
  /** What differs, is missing, or came though it should not have. */
  readonly mismatches: number;
  /** What came, or should have, of which it cannot be told. */
  readonly unverified: number;
  /** First mismatches and what is not judged, in words. */
  readonly remarks: readonly string[];
};

const MAX_REMARKS = 8;

/** Adds up the verdict on one campaign. */
export class CampaignTally {
  judged = 0;
  mismatches = 0;
  unverified = 0;
  triggers = 0;
  /** Begins the remarks that follow: what they are about. */
  about = "";
  readonly #remarks: string[] = [];

  /** So many things are right. */
  right(count: number): void {
    this.judged += count;
  }

  wrong(remark: string, count = 1): void {
    this.judged += count;
    this.mismatches += count;
    this.remark(remark);
  }

  unknown(remark: string, count = 1): void {
    this.unverified += count;
    this.remark(remark);
  }

  remark(what: string): void {
    const text = `${this.about}${what}`;
    if (this.#remarks.length < MAX_REMARKS && !this.#remarks.includes(text)) this.#remarks.push(text);
  }

  verdict(id: string, version: number): CampaignVerdict {
    const { triggers, judged, mismatches, unverified } = this;
    return { id, version, triggers, judged, mismatches, unverified, remarks: this.#remarks };
  }
}
