import type { FilesConfig } from "../../config/files.ts";
import { type Clock, isBelievable } from "../core/clock.ts";
import type { DataBudget } from "../vehicle/link/data-budget.ts";
import type { Links } from "../vehicle/link/links.ts";
import type { SleepLine } from "../vehicle/sleep/sleep-line.ts";
import type { SentDay, UploadBook } from "./upload-book.ts";

const DAY_US = 86_400_000_000;
/** More than this in one request is not begun in a check-in, bytes: parts of the sizes that are usual with S3 (5 MiB at least) go. */
export const CHECK_IN_BYTES = 8_388_608;
/** So much is written down ahead of what goes out: a kill makes the count too high by at most this, never too low. */
const AHEAD_BYTES = 4_194_304;

export type UploadBudgetParts = {
  readonly settings: Pick<FilesConfig, "dayBytes" | "metered">;
  readonly book: Pick<UploadBook, "day" | "putDay">;
  /** Undefined where nothing is said of links. */
  readonly links:
    | {
        readonly links: Pick<Links, "inUse">;
        readonly budget: Pick<DataBudget, "allow" | "spent"> | undefined;
      }
    | undefined;
  /** Undefined for a vehicle that is always awake. */
  readonly sleep: Pick<SleepLine, "phase"> | undefined;
  readonly clock: Pick<Clock, "wallUs" | "quality">;
};

/** What may go out for uploads: so much a day, by what the links allow, while the vehicle is awake. */
export class UploadBudget {
  readonly #parts: UploadBudgetParts;
  #day: SentDay;
  #aheadBytes = 0;

  constructor(parts: UploadBudgetParts) {
    this.#parts = parts;
    this.#day = parts.book.day ?? { day: 0, bytes: 0 };
  }

  /** Why one request with so many bytes waits, for people; undefined where they may go. What alone is more than a day has may go while nothing of the day is used. */
  heldBy(bytes: number): string | undefined {
    const { settings, links } = this.#parts;
    this.#turn();
    const asleep = this.#heldBySleep(bytes);
    if (asleep !== undefined) return asleep;
    if (this.#day.bytes > 0 && this.#day.bytes + bytes > settings.dayBytes) return "files.dayBytes used";
    const inUse = links?.links.inUse;
    if (settings.metered === "hold" && links !== undefined) {
      if (inUse === undefined) return "not known yet which link is in use";
      if (inUse.isMetered) return `${inUse.name} is metered`;
    }
    const verdict = links?.budget?.allow("files", bytes);
    return verdict?.kind === "held" ? verdict.what : undefined;
  }

  /** So many bytes are about to go out. */
  spent(bytes: number): void {
    const { book, links } = this.#parts;
    this.#turn();
    this.#day = { ...this.#day, bytes: this.#day.bytes + bytes };
    links?.budget?.spent("files", bytes);
    this.#aheadBytes -= bytes;
    if (this.#aheadBytes > 0) return;
    this.#aheadBytes = AHEAD_BYTES;
    book.putDay({ ...this.#day, bytes: this.#day.bytes + AHEAD_BYTES });
  }

  /** Nothing goes out for now: writes down the count as it is. */
  settle(): void {
    if (this.#aheadBytes === 0) return;
    this.#parts.book.putDay(this.#day);
    this.#aheadBytes = 0;
  }

  /** Bytes of today. */
  get dayUsedBytes(): number {
    this.#turn();
    return this.#day.bytes;
  }

  #heldBySleep(bytes: number): string | undefined {
    const phase = this.#parts.sleep?.phase() ?? "awake";
    if (phase === "going" || phase === "asleep") return "the vehicle sleeps";
    if (phase === "awake" || bytes <= CHECK_IN_BYTES) return undefined;
    return `the vehicle only checks in, which is for requests of ${CHECK_IN_BYTES} bytes at most`;
  }

  /** Another day begins only by a clock that can be believed: one that cannot be would open the budget again and again. */
  #turn(): void {
    const { clock } = this.#parts;
    if (!isBelievable(clock.quality())) return;
    const day = Math.floor(clock.wallUs() / DAY_US);
    if (day === this.#day.day) return;
    this.#day = { day, bytes: 0 };
    this.#aheadBytes = 0;
  }
}
