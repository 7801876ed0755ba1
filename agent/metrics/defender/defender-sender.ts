import { z } from "zod";
import { describeReply, type Reply, type RequestClient } from "../../cloud/request-client.ts";
import { CONTENT_TYPES, encodeBody, type WireFormat } from "../../cloud/wire-format.ts";
import type { Clock } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";
import type { Broker } from "../../ports/broker.ts";
import type { MadeReport, ReportMaker } from "./report-maker.ts";
import type { ReportMemory } from "./report-memory.ts";

/** The service takes one report of a thing in this time, ms (AWS IoT Device Defender, device metrics). */
const LEAST_MS = 300_000;
/** The first one comes so long after the start at most, so that a fleet that starts together does not report together, ms. */
const SPREAD_MS = 60_000;
/** Each refusal doubles the interval up to so many times; a report that is taken makes it what it was. */
const MAX_SLOWDOWN = 8;

const accepted = z.object({ reportId: z.int().optional() });

/** Reports since start. */
export type DefenderCounters = {
  readonly accepted: number;
  readonly rejected: number;
  /** Nobody said what became of them. */
  readonly unanswered: number;
  /** The newest one; 0 before the first. */
  readonly reportId: number;
  readonly reportBytes: number;
  /** Absent before the first that was taken. */
  readonly acceptedAgoMs?: number | undefined;
  /** Why the newest one was refused; absent where it was not. */
  readonly fault?: string | undefined;
  /** Of the newest report. */
  readonly unreadLines: number;
  readonly customLeftOut: number;
};

export type DefenderSenderParts = {
  readonly place: { readonly thing: string; readonly format: WireFormat; readonly intervalMs: number };
  readonly maker: Pick<ReportMaker, "make">;
  readonly memory: Pick<ReportMemory, "lastId" | "sinceLastMs">;
  readonly requestClient: Pick<RequestClient, "listen" | "request">;
  readonly broker: Pick<Broker, "online">;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};

/**
 * Sends a report to AWS IoT Device Defender once an interval. While there is no link none is made: the next one says how it is then. What the
 * service refuses is told once, and slows the reports down until one is taken.
 */
export class DefenderSender {
  readonly #parts: DefenderSenderParts;
  readonly #base: string;
  /** Whether the newest report was not answered. */
  #isUnheard = false;
  readonly #counts = { accepted: 0, rejected: 0, unanswered: 0 };
  #acceptedMs: number | undefined;
  #fault: string | undefined;
  #slowdown = 1;
  #last = { bytes: 0, unread: 0, leftOut: 0 };
  #toldUnknown = false;

  constructor(parts: DefenderSenderParts) {
    const { thing, format } = parts.place;
    this.#parts = parts;
    this.#base = `$aws/things/${thing}/defender/metrics/${format}`;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, broker } = this.#parts;
    if (!(await this.#listen())) return;
    let waitMs = this.#firstWaitMs();
    while (!signal.aborted) {
      await clock.sleep(waitMs, signal);
      if ((await broker.online(signal)) === undefined) return;
      waitMs = await this.#send(signal);
    }
  }

  counters(): DefenderCounters {
    const { memory, clock } = this.#parts;
    return {
      ...this.#counts,
      reportId: memory.lastId,
      reportBytes: this.#last.bytes,
      acceptedAgoMs: this.#acceptedMs === undefined ? undefined : clock.monotonicMs() - this.#acceptedMs,
      fault: this.#fault,
      unreadLines: this.#last.unread,
      customLeftOut: this.#last.leftOut,
    };
  }

  /** A broker that refuses the subscriptions leaves the rest of the agent as it is. */
  async #listen(): Promise<boolean> {
    const { requestClient, log } = this.#parts;
    try {
      await requestClient.listen([`${this.#base}/accepted`, `${this.#base}/rejected`]);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#fault = thrown.message;
      log.error("defender.not-granted", { code: thrown.code, what: thrown.message, remedy: thrown.remedy });
      return false;
    }
  }

  /** After a restart the service would refuse a report that comes too soon after the last one. */
  #firstWaitMs(): number {
    const { memory, place, random } = this.#parts;
    const sinceMs = memory.sinceLastMs();
    const leastMs = sinceMs === undefined ? 0 : Math.max(0, LEAST_MS - sinceMs);
    return leastMs + random() * Math.min(SPREAD_MS, place.intervalMs);
  }

  /** Gives the time to the next one, ms. */
  async #send(signal: AbortSignal): Promise<number> {
    const { maker, requestClient, place } = this.#parts;
    const report = await maker.make();
    const bytes = encodeBody(place.format, report.body);
    this.#last = { bytes: bytes.length, unread: report.unread, leftOut: report.leftOut };
    this.#tellUnknown(report.unknown);
    const reply = await requestClient.request(
      {
        topic: this.#base,
        format: place.format,
        body: report.body,
        encoded: { bytes, contentType: CONTENT_TYPES[place.format] },
        correlate: "topic",
        accepted,
      },
      signal,
    );
    return signal.aborted ? 0 : this.#settle(report, reply);
  }

  #settle(report: MadeReport, reply: Reply<z.infer<typeof accepted>>): number {
    const { clock, place } = this.#parts;
    if (reply.kind === "rejected" || reply.kind === "publish-rejected" || reply.kind === "too-large") {
      this.#refused(describeReply(reply));
      return place.intervalMs * this.#slowdown;
    }
    // It may have been taken: counted twice would be worse than once less.
    report.settle();
    const isMine = reply.kind === "accepted" && (reply.body.reportId ?? report.id) === report.id;
    if (isMine) {
      this.#counts.accepted += 1;
      this.#acceptedMs = clock.monotonicMs();
      this.#fault = undefined;
      this.#slowdown = 1;
      this.#isUnheard = false;
      return place.intervalMs;
    }
    this.#counts.unanswered += 1;
    // One answer may get lost; an account without detect answers none, and needs no more reports for that.
    const nextMs = this.#isUnheard ? place.intervalMs : Math.min(place.intervalMs, LEAST_MS);
    this.#isUnheard = true;
    return nextMs;
  }

  #refused(what: string): void {
    this.#counts.rejected += 1;
    if (this.#fault !== what) this.#parts.log.warn("defender.refused", { what });
    this.#fault = what;
    this.#slowdown = Math.min(MAX_SLOWDOWN, this.#slowdown * 2);
  }

  #tellUnknown(patterns: readonly string[]): void {
    if (patterns.length === 0 || this.#toldUnknown) return;
    this.#toldUnknown = true;
    this.#parts.log.warn("defender.metrics-unknown", { custom: patterns.join(", ") });
  }
}
