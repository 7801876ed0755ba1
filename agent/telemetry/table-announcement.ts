import type { Appender } from "./appender.ts";
import type { Encoder } from "./record/encode/encoder.ts";
import type { DescribedTable } from "./record/encode/table.ts";

/**
 * Announces the signal table, in parts that fit the longest payload known so far. The first announcement is made before any broker has
 * said what it takes, so that a table is stored with the samples that need it; where one takes less, the table is cut anew.
 */
export class TableAnnouncement {
  readonly #encoder: Pick<Encoder, "table" | "maxBodyBytes">;
  readonly #appender: Pick<Appender, "add">;
  readonly #table: DescribedTable | undefined;
  /** Longest part that was announced last, and the limit that it was cut to. A single signal may be longer than any limit. */
  #longestBytes = 0;
  #cutToBytes = 0;

  /** `table`: the vehicle's when absent. */
  constructor(
    encoder: Pick<Encoder, "table" | "maxBodyBytes">,
    appender: Pick<Appender, "add">,
    table?: DescribedTable,
  ) {
    this.#table = table;
    this.#encoder = encoder;
    this.#appender = appender;
  }

  announce(): void {
    const drafts = this.#encoder.table(this.#table);
    for (const draft of drafts) this.#appender.add(draft);
    this.#longestBytes = Math.max(...drafts.map(({ bodyBytes }) => bodyBytes));
    this.#cutToBytes = this.#encoder.maxBodyBytes;
  }

  /** Announces the table again where a part of it is longer than records may be by now. Cheap otherwise. */
  announceShorter(): void {
    const maxBytes = this.#encoder.maxBodyBytes;
    if (this.#longestBytes > maxBytes && this.#cutToBytes > maxBytes) this.announce();
  }
}
