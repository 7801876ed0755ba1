import type { FilesConfig } from "../../config/files.ts";
import type { BackoffBounds } from "../core/backoff.ts";
import { type Clock, isBelievable } from "../core/clock.ts";
import { AgentError, errnoOf, messageOf } from "../core/errors.ts";
import { shownUrl } from "../core/shown-url.ts";
import { WakeSignal } from "../core/wake-signal.ts";
import { type HeldFiles, type ObjectStore, ShortFile, type StoreAnswer } from "../ports/object-store.ts";
import { withChecksum } from "./bucket-requests.ts";
import type { BucketOutcome, BucketUploads } from "./bucket-uploads.ts";
import { type NextRequest, nextRequest } from "./next-request.ts";
import type { UploadBook } from "./upload-book.ts";
import type { UploadBudget } from "./upload-budget.ts";
import { type BucketPlace, type UploadPlan, withoutPlace } from "./upload-plan.ts";
import type { UploadReports } from "./upload-reports.ts";
import { UploadTries } from "./upload-tries.ts";
import { isOver, problemWithUrl } from "./upload-url.ts";

/** How soon what is held is looked at again, ms. */
const LOOK_MS = 30_000;
/** How soon a bucket that refuses is asked again, ms: somebody must act first. */
const REFUSED_MS = 900_000;
/** Uploads that were given up and that a store is still to forget. */
const MAX_ABORTING = 16;
/** How often the age of an upload that makes no progress is written down, ms. */
const AGE_MS = 600_000;

/** `hosts` and `kinds` are asked again before each request: an upload may be older than the configuration. */
export type UploaderSettings = Pick<FilesConfig, "hosts" | "kinds"> & {
  /** Without a new part for this long it is given up, ms of running time. */
  readonly giveUpMs: number;
  readonly reconnect: BackoffBounds;
};

export type UploaderParts = {
  readonly settings: UploaderSettings;
  readonly book: UploadBook;
  readonly budget: UploadBudget;
  readonly files: HeldFiles;
  readonly destinations: { readonly store: ObjectStore; readonly buckets: BucketUploads };
  readonly reports: UploadReports;
  readonly clock: Clock;
  readonly random: () => number;
};

/** Counts since the start. */
export type UploadCounts = {
  readonly stored: number;
  readonly failed: number;
  /** Answers that refused a place, or that its time was over. */
  readonly refused: number;
  /** Requests that came to nothing for now. */
  readonly retried: number;
  /** Bytes of files that went out, those of repeats among them. */
  readonly sentBytes: number;
};

/** A request on its way. */
type Sending = { readonly id: string; readonly cut: AbortController };

/**
 * Sends what the book holds, one request at a time, the oldest upload that can go on first. What a store has is in the journal before the
 * next part goes out, so that a restart goes on behind it; a record tells of a file only once the store has all of it.
 */
export class Uploader {
  readonly #parts: UploaderParts;
  readonly #wake: WakeSignal;
  readonly #tries: UploadTries;
  #current: Sending | undefined;
  /** What the journal has not taken, and the plan that it comes after: nothing is sent or told before it has. */
  #owed: { readonly before: UploadPlan; readonly next: UploadPlan } | undefined;
  #counts = { stored: 0, failed: 0, refused: 0, retried: 0, sentBytes: 0 };

  constructor(parts: UploaderParts) {
    this.#parts = parts;
    this.#wake = new WakeSignal(parts.clock);
    this.#tries = new UploadTries(parts.clock);
  }

  get counts(): UploadCounts {
    return this.#counts;
  }

  /** Why an upload does not go on at present, for people. */
  problemOf(id: string): string | undefined {
    return this.#tries.problemOf(id);
  }

  /** The book has something new of this upload: what is on its way to where it went before is cut. */
  wake(id: string): void {
    if (this.#current?.id === id) this.#current.cut.abort();
    this.#tries.forget(id);
    this.#wake.wake();
  }

  /** Whether a request is on its way, or another follows at once. */
  get isSending(): boolean {
    return this.#current !== undefined || this.#next()?.state === "sending";
  }

  /** The link is left, or another one: what is on its way is cut, and all begins again without delay as soon as it may. */
  restart(): void {
    this.#current?.cut.abort();
    this.#tries.beginAgain();
    this.#wake.wake();
  }

  /** There is a network again: what came to nothing is sent again at once. What is on its way goes on. */
  linkIsBack(): void {
    this.#tries.beginFailedAgain();
    this.#wake.wake();
  }

  /** Gives an upload up for somebody; what is on its way is cut. Nothing is told. */
  async cancel(id: string): Promise<void> {
    const { book, files } = this.#parts;
    const plan = book.get(id);
    if (plan !== undefined) this.#drop(plan);
    if (this.#current?.id === id) this.#current.cut.abort();
    this.#wake.wake();
    await files.release(id);
  }

  /** Sends until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#wake.wake(), { once: true });
    while (!signal.aborted) await this.#guarded(() => this.#turn(signal), signal);
    await this.#guarded(async () => {
      this.#settleOwed();
      for (const plan of this.#parts.book.plans) this.#noteAge(plan);
      this.#parts.budget.settle();
    }, signal);
  }

  async #turn(signal: AbortSignal): Promise<void> {
    const { book, budget } = this.#parts;
    this.#settleOwed();
    for (const plan of book.plans) await this.#age(plan);
    const plan = this.#next();
    if (plan !== undefined) return await this.#step(plan, signal);
    budget.settle();
    await this.#wake.until(this.#nextMs());
  }

  /** A disk or journal that fails is waited for. Any other error is a bug. */
  async #guarded(work: () => Promise<void>, signal: AbortSignal): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      if (!(thrown instanceof AgentError) && errnoOf(thrown) === undefined) throw thrown;
      this.#parts.reports.hindered(messageOf(thrown));
      await this.#parts.clock.sleep(LOOK_MS, signal);
    }
  }

  #next(): UploadPlan | undefined {
    return this.#parts.book.plans.find(({ id, state }) => state !== "waiting" && this.#tries.isDue(id));
  }

  #nextMs(): number {
    const nowMs = this.#parts.clock.monotonicMs();
    const going = this.#parts.book.plans.filter(({ state }) => state !== "waiting");
    return Math.min(nowMs + AGE_MS, ...going.map(({ id }) => this.#tries.of(id).dueMs));
  }

  async #step(plan: UploadPlan, signal: AbortSignal): Promise<void> {
    if (plan.state === "stored") return this.#tell(plan);
    if (plan.place?.kind === "bucket") return await this.#stepToBucket(plan, plan.place, signal);
    const { files, budget, clock } = this.#parts;
    const request = nextRequest(plan, files.pathOf(plan.id));
    if (request === undefined) return this.#ask(plan, "it has no place to go to");
    const problem = problemWithUrl(request.url, this.#parts.settings.hosts, request.step === "whole");
    if (problem !== undefined) return this.#ask(plan, `its URL ${problem}`);
    if (isBelievable(clock.quality()) && isOver(request.url, clock.wallUs())) {
      return this.#ask(plan, "the time of its URL is over");
    }
    const held = budget.heldBy(request.body.kind === "file" ? request.body.bytes : 0);
    if (held !== undefined) return this.#tries.wait(plan.id, LOOK_MS, held);
    const cut = new AbortController();
    const sent = await this.#send({ plan, cut }, request, AbortSignal.any([signal, cut.signal]));
    // Somebody has named another place meanwhile, or given it up.
    if (this.#parts.book.get(plan.id)?.place !== plan.place) return;
    if (typeof sent === "string") return this.#fail(plan, sent);
    const { answer } = sent;
    if (answer.kind === "done") return this.#advance(plan, request, answer.etag);
    if (answer.kind === "refused") return this.#refused(plan, answer);
    if (!signal.aborted && !cut.signal.aborted) this.#retry(plan.id, answer.detail);
  }

  async #stepToBucket(plan: UploadPlan, place: BucketPlace, signal: AbortSignal): Promise<void> {
    const { files, budget, book } = this.#parts;
    const { buckets } = this.#parts.destinations;
    const next = buckets.next(plan, place, files.pathOf(plan.id));
    if ("kind" in next) return await this.#turnOut(plan, next);
    const held = budget.heldBy(next.body.kind === "file" ? next.body.bytes : 0);
    if (held !== undefined) return this.#tries.wait(plan.id, LOOK_MS, held);
    const cut = new AbortController();
    const sent = await this.#send({ plan, cut }, next, AbortSignal.any([signal, cut.signal]));
    // Somebody has named another place meanwhile, or given it up.
    const now = book.get(plan.id);
    if (now?.place !== place || now.state !== plan.state) return;
    if (typeof sent === "string") return await this.#fail(plan, sent);
    const outcome = buckets.after(plan, place, sent.request, sent.answer);
    if (outcome.kind === "again" && (signal.aborted || cut.signal.aborted)) return;
    return await this.#turnOut(plan, outcome);
  }

  async #turnOut(plan: UploadPlan, outcome: BucketOutcome): Promise<void> {
    switch (outcome.kind) {
      case "plan":
        // An answer that tells nothing new is no progress: what was tried before it counts on.
        if (outcome.plan === plan) return;
        this.#put(plan, outcome.plan);
        this.#tries.forget(plan.id);
        return;
      case "over":
        return this.#end(plan.id);
      case "again":
        return this.#retry(plan.id, outcome.why);
      case "refused":
        return this.#refusedByBucket(plan, outcome.why);
      case "failed":
        return await this.#fail(plan, outcome.why);
    }
  }

  #refusedByBucket(plan: UploadPlan, why: string): void {
    this.#counts.refused += 1;
    if (this.problemOf(plan.id) !== why) this.#parts.reports.refused(plan, why);
    this.#tries.wait(plan.id, REFUSED_MS, why);
  }

  /** What was sent, and its answer; or why the file can never be sent. Rejects with what is a bug. */
  async #send(
    { plan, cut }: { readonly plan: UploadPlan; readonly cut: AbortController },
    next: NextRequest,
    signal: AbortSignal,
  ): Promise<{ readonly request: NextRequest; readonly answer: StoreAnswer } | string> {
    const { budget, files } = this.#parts;
    const { store } = this.#parts.destinations;
    this.#current = { id: plan.id, cut };
    const spent = (bytes: number): void => {
      budget.spent(bytes);
      this.#counts.sentBytes += next.body.kind === "file" ? bytes : 0;
    };
    try {
      const request = await withChecksum(next, plan, files);
      return { request, answer: await store.send(request, spent, signal) };
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno === "ENOENT" || thrown instanceof ShortFile) return "the file that was held is gone or shorter";
      if (errno === undefined) throw thrown;
      // Too many open files, or a disk that fails for now: the others go on meanwhile.
      const detail = `the file that is held cannot be read: ${errno}`;
      this.#parts.reports.hindered(detail);
      return { request: next, answer: { kind: "unavailable", detail } };
    } finally {
      this.#current = undefined;
    }
  }

  #advance(plan: UploadPlan, { step, url, isChecked }: NextRequest, etag: string | undefined): void {
    if (step === "part" && etag === undefined) return this.#ask(plan, "the store named no ETag for a part");
    const next: UploadPlan =
      step === "part"
        ? { ...plan, idleMs: 0, etags: [...plan.etags, etag ?? ""] }
        : {
            ...plan,
            idleMs: 0,
            state: "stored",
            place: undefined,
            etags: [],
            stored: { location: shownUrl(url), etag: etag ?? "", isChecked },
          };
    this.#put(plan, next);
    this.#tries.forget(plan.id);
  }

  /** What the journal does not take is remembered: the store has it already, and is not to get it again. */
  #put(before: UploadPlan, next: UploadPlan): void {
    this.#owed = { before, next };
    this.#settleOwed();
  }

  #settleOwed(): void {
    const { book } = this.#parts;
    if (this.#owed === undefined) return;
    // Somebody has named another place meanwhile, or given it up.
    if (book.get(this.#owed.before.id) === this.#owed.before) book.put(this.#owed.next);
    this.#owed = undefined;
  }

  #refused(plan: UploadPlan, { status, code, isExpired }: Extract<StoreAnswer, { kind: "refused" }>): void {
    const named = code === undefined ? `HTTP ${status}` : `HTTP ${status} ${code}`;
    if (isExpired) this.#ask(plan, `the time of its URL is over: ${named}`);
    else this.#ask(plan, `the store refuses it: ${named}`, plan.etags.length > 0 && status !== 403);
  }

  /** Another place is asked for. `isOverThere`: what is there of the file counts no more. */
  #ask(plan: UploadPlan, why: string, isOverThere = false): void {
    this.#counts.refused += 1;
    this.#tries.of(plan.id).problem = why;
    this.#parts.reports.wantsPlace(plan, why);
    this.#put(plan, withoutPlace(plan, isOverThere));
  }

  #retry(id: string, why: string): void {
    const { settings, random } = this.#parts;
    this.#counts.retried += 1;
    this.#tries.failed(id, why, settings.reconnect, random);
  }

  async #tell(plan: UploadPlan): Promise<void> {
    const { reports, files } = this.#parts;
    if (!reports.stored(plan)) return this.#tries.wait(plan.id, LOOK_MS, "the record of it is not durable yet");
    await files.release(plan.id);
    this.#end(plan.id);
    reports.forget(plan.id);
    this.#counts.stored += 1;
  }

  async #age(plan: UploadPlan): Promise<void> {
    if (plan.state === "stored") return;
    const { settings, clock } = this.#parts;
    const isAborting = plan.state === "aborting";
    if (!isAborting && !settings.kinds.includes(plan.kind)) {
      return this.#fail(plan, `files.kinds has no ${plan.kind} any more`);
    }
    const idleMs = clock.monotonicMs() - this.#tries.of(plan.id).idleSinceMs;
    if (plan.idleMs + idleMs >= settings.giveUpMs) {
      if (isAborting) return this.#end(plan.id);
      const why = this.problemOf(plan.id) ?? "nobody named a place for it";
      return this.#fail(plan, `nothing more of it has arrived for ${settings.giveUpMs} ms: ${why}`);
    }
    if (idleMs >= AGE_MS) this.#noteAge(plan);
  }

  #noteAge(plan: UploadPlan): void {
    const trying = this.#tries.of(plan.id);
    const nowMs = this.#parts.clock.monotonicMs();
    if (plan.state !== "stored") this.#parts.book.put({ ...plan, idleMs: plan.idleMs + nowMs - trying.idleSinceMs });
    trying.idleSinceMs = nowMs;
  }

  async #fail(plan: UploadPlan, why: string): Promise<void> {
    const { reports, files } = this.#parts;
    this.#drop(plan);
    this.#counts.failed += 1;
    reports.failed(plan, why);
    await files.release(plan.id);
  }

  /** No more of it is sent. A bucket that has parts of it is to forget them: they cost whoever owns it. */
  #drop(plan: UploadPlan): void {
    const { book } = this.#parts;
    const hasParts = plan.place?.kind === "bucket" && plan.place.at !== undefined;
    if (!hasParts || plan.state === "aborting") return this.#end(plan.id);
    this.#tries.forget(plan.id);
    book.put({ ...plan, state: "aborting", idleMs: 0 });
    const [oldest, ...others] = book.plans.filter(({ state }) => state === "aborting");
    if (oldest !== undefined && others.length >= MAX_ABORTING) this.#end(oldest.id);
  }

  /** Nothing is known of it any more. */
  #end(id: string): void {
    const { book, destinations } = this.#parts;
    book.remove(id);
    destinations.buckets.forget(id);
    this.#tries.forget(id);
  }
}
