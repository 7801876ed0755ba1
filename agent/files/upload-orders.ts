import type { FilesConfig } from "../../config/files.ts";
import type { Clock } from "../core/clock.ts";
import { isBelievable } from "../core/clock.ts";
import { errnoOf, messageOf } from "../core/errors.ts";
import type { JournalDocument } from "../ports/journal.ts";
import type { HeldFiles } from "../ports/object-store.ts";
import type { BucketUploads } from "./bucket-uploads.ts";
import { type FileSourceParts, findFile, type WantedFile } from "./file-sources.ts";
import type { UploadBook } from "./upload-book.ts";
import { fits, type UploadPlace, type UploadPlan, withPlace } from "./upload-plan.ts";
import { isOver, problemWithUrl } from "./upload-url.ts";
import type { Uploader } from "./uploader.ts";

/** A slice of the log can be no shorter. */
const LEAST_LOG_BYTES = 4096;

export type UploadOrderParts = {
  readonly settings: Pick<FilesConfig, "hosts" | "maxFileBytes" | "maxStoredBytes" | "maxUploads">;
  readonly sources: FileSourceParts;
  readonly book: UploadBook;
  readonly files: HeldFiles;
  readonly buckets: Pick<BucketUploads, "problemWith">;
  readonly uploader: Pick<Uploader, "wake" | "cancel">;
  /** A new id of an upload. */
  readonly name: () => string;
  readonly clock: Pick<Clock, "wallUs" | "quality">;
};

/** What is asked for. Without a place it is prepared, and waits for one. */
export type UploadOrder = WantedFile & {
  readonly place: UploadPlace | undefined;
  readonly reason: string;
};

/** "refused": nothing was done, and why, for people. */
export type Ordered =
  | { readonly kind: "ordered"; readonly plan: UploadPlan }
  | { readonly kind: "refused"; readonly what: string };

/** Takes orders for uploads: what may go, where to, and how much of it there may be. */
export class UploadOrders {
  readonly #parts: UploadOrderParts;
  /** One order at a time: what is held is counted. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: UploadOrderParts) {
    this.#parts = parts;
  }

  /** Why a file may not go to a place, for people; undefined where it may. */
  problemWith(place: UploadPlace): string | undefined {
    const { settings, clock, buckets } = this.#parts;
    if (place.kind === "bucket") return buckets.problemWith(place);
    const urls = place.kind === "whole" ? [place.url] : [...place.urls, place.completeUrl];
    const names = place.kind === "whole" ? ["url"] : [...place.urls.map((_, at) => `partUrls.${at}`), "completeUrl"];
    for (const [at, url] of urls.entries()) {
      const what = problemWithUrl(url, settings.hosts, place.kind === "whole");
      if (what !== undefined) return `${names[at]} ${what}`;
      if (isBelievable(clock.quality()) && isOver(url, clock.wallUs())) return `${names[at]}: its time is over`;
    }
    return undefined;
  }

  /**
   * Holds the file as it is now, and has it sent where a place is known. `beside`: what is to be remembered with the upload, or not at all.
   * Rejects with the faults of the journal.
   */
  order(order: UploadOrder, beside?: (plan: UploadPlan) => JournalDocument): Promise<Ordered> {
    const taken = this.#turn.then(() => this.#order(order, beside));
    this.#turn = taken.catch(() => undefined);
    return taken;
  }

  /** Names another place for one that is known. Throws the faults of the journal. */
  goOn(id: string, place: UploadPlace): Ordered {
    const { book, uploader } = this.#parts;
    const plan = book.get(id);
    if (plan === undefined || !mayChange(plan)) return refused(NOT_KNOWN);
    if (!fits(place, plan.sizeBytes)) return refused(wrongParts(plan.sizeBytes));
    const next = withPlace(plan, place);
    book.put(next);
    uploader.wake(id);
    return { kind: "ordered", plan: next };
  }

  /** Gives up one that is known. Rejects with the faults of the journal. */
  async cancel(id: string): Promise<Ordered> {
    const plan = this.#parts.book.get(id);
    if (plan === undefined || !mayChange(plan)) return refused(NOT_KNOWN);
    await this.#parts.uploader.cancel(id);
    return { kind: "ordered", plan };
  }

  async #order(order: UploadOrder, beside: ((plan: UploadPlan) => JournalDocument) | undefined): Promise<Ordered> {
    const { settings, sources, book, files, uploader } = this.#parts;
    const full = this.#problemWithRoom();
    if (full !== undefined) return refused(full);
    const { kind, place, reason } = order;
    const found = await findFile(sources, order, Math.max(LEAST_LOG_BYTES, settings.maxFileBytes));
    if (typeof found === "string") return refused(found);
    const id = this.#parts.name();
    const storedBytes = book.plans.filter(holdsFile).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const room = Math.min(settings.maxFileBytes, settings.maxStoredBytes - storedBytes);
    const held = await attempt(() => files.hold(id, found.source, room));
    if (held === "too-large")
      return refused(`it has more than the ${room} bytes that files.maxFileBytes and files.maxStoredBytes leave`);
    if (typeof held === "string") return refused(`it cannot be held: ${held}`);
    const { sizeBytes, sha256 } = held;
    const waiting = {
      id,
      kind,
      name: found.name,
      sizeBytes,
      sha256,
      reason,
      state: "waiting",
      etags: [],
      idleMs: 0,
    } as const;
    if (place !== undefined && !fits(place, sizeBytes)) {
      await files.release(id);
      return refused(wrongParts(sizeBytes));
    }
    const plan = place === undefined ? waiting : withPlace(waiting, place);
    try {
      book.put(plan, beside === undefined ? [] : [beside(plan)]);
    } catch (thrown) {
      await files.release(id);
      throw thrown;
    }
    uploader.wake(id);
    return { kind: "ordered", plan };
  }

  #problemWithRoom(): string | undefined {
    const { settings, book } = this.#parts;
    const { length } = book.plans.filter(holdsFile);
    return length < settings.maxUploads ? undefined : `${length} uploads wait already (files.maxUploads)`;
  }
}

const NOT_KNOWN = "there is no such upload under way";

function mayChange({ state }: UploadPlan): boolean {
  return state === "waiting" || state === "sending";
}

function holdsFile({ state }: UploadPlan): boolean {
  return state !== "aborting";
}

function refused(what: string): Ordered {
  return { kind: "refused", what };
}

function wrongParts(sizeBytes: number): string {
  return `partUrls must have one URL for each partBytes of the ${sizeBytes} bytes of the file`;
}

/** What the system says against it, in one line and without a path. */
async function attempt<T>(work: () => Promise<T>): Promise<T | string> {
  try {
    return await work();
  } catch (thrown) {
    return errnoOf(thrown) ?? messageOf(thrown);
  }
}
