import { type NamedShadow, SHADOW_STATE_BYTES } from "../cloud/named-shadow.ts";
import { bytesOf, changeOf } from "../cloud/reported-change.ts";
import { describeReply, isRetryable, type Reply } from "../cloud/request-client.ts";
import { fullJitterMs } from "../core/backoff.ts";
import { ChangeSignal } from "../core/change-signal.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Broker } from "../ports/broker.ts";
import type { ReportPace } from "./report-pace.ts";

/** How often it is looked whether something has changed, ms. */
const LOOK_MS = 15_000;
/** Least time between two reads of the shadow on one connection, ms, however often others change it. */
const READ_MS = 5000;
/** It is read again after this even where nothing was heard of it: an announcement may have been lost, ms. */
const REREAD_MS = 86_400_000;
/** Wait after a request that did not go well, ms. */
const RETRY = { minMs: 2000, maxMs: 300_000 };
/** Wait after an answer that no repeat mends, ms; a new connection ends it. */
const REFUSED_MS = 3_600_000;
/** Bytes of the shadow that are left free, for what the service counts otherwise than we do. */
const SPARE_BYTES = 256;

/** Ends of an update that was certainly not taken. */
const NOT_TAKEN: ReadonlySet<string> = new Set(["rejected", "publish-rejected", "busy", "conflict", "too-large"]);

type Tree = Readonly<Record<string, unknown>>;

/** What is kept in a shadow. */
export type ReportedContent = {
  /** The keys of reported that are the agent's; others are left as they are. */
  readonly keys: readonly string[];
  /** What is to be told in at most `maxBytes` of JSON, and which of its parts there was no room for; undefined while that is not known. */
  readonly document: (maxBytes: number) => { readonly reported: Tree; readonly omitted: readonly string[] } | undefined;
  /** Takes what is desired, each time that the shadow was read: nothing is in it that is empty. Undefined where there is no shadow. */
  readonly desire?: (desired: Tree | undefined) => void;
  /** The part of a change that waits neither for the start to settle nor for the budget of the day: whole keys, null for those that go. None when absent. */
  readonly urgent?: (change: Tree) => Tree | undefined;
};

export type ReportedShadowParts = {
  readonly name: string;
  readonly shadow: NamedShadow;
  readonly content: ReportedContent;
  readonly pace: ReportPace;
  readonly broker: Pick<Broker, "online" | "status">;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
};

/**
 * How it does. "in-step": all is told that there is to tell. "behind": something is not told yet. "refused": `what` says why nothing can
 * be told. Counts are since start.
 */
export type ReportedShadowFacts = {
  readonly name: string;
  readonly state: "unread" | "in-step" | "behind" | "refused";
  readonly what: string;
  readonly updates: number;
  readonly updatesToday: number;
  readonly reads: number;
  readonly conflicts: number;
  readonly failures: number;
  /** Parts for which the shadow has no room. */
  readonly omitted: readonly string[];
};

type Outcome =
  | { readonly kind: "idle" | "done" | "failed" | "refused" }
  | { readonly kind: "held"; readonly waitMs: number };

/**
 * Keeps `reported` of a shadow as the content wants it: what is there is read first, and only what differs is sent. Whatever is lost,
 * late, repeated or undone by others ends in a new read, and the pace bounds how often that leads to an update: it converges, and two
 * who write the same key do not drive each other.
 */
export class ReportedShadow {
  readonly #parts: ReportedShadowParts;
  readonly #woken = new ChangeSignal();
  readonly #counts = { updates: 0, reads: 0, conflicts: 0, failures: 0 };
  #state: ReportedShadowFacts["state"] = "unread";
  #what = "";
  #omitted: readonly string[] = [];
  #isOpen = false;
  #isStale = true;
  /** The newest that was heard of since it was asked for. */
  #heardVersion = 0;
  #connection = 0;
  #readMs = Number.NEGATIVE_INFINITY;
  #reported: Tree = {};
  /** Of what is not ours in the shadow. */
  #othersBytes = 0;
  #roomBytes = SHADOW_STATE_BYTES;

  constructor(parts: ReportedShadowParts) {
    this.#parts = parts;
  }

  /** What is to be told may have changed: it is looked at now. */
  changed(): void {
    this.#woken.notify();
  }

  facts(): ReportedShadowFacts {
    const { name, pace } = this.#parts;
    const told = { name, state: this.#state, what: this.#what, omitted: this.#omitted };
    return { ...told, ...this.#counts, updatesToday: pace.usedToday() };
  }

  /** Until `signal` aborts. A broker that lets nobody hear of the shadow is asked again after a while, and on each new connection. */
  async run(signal: AbortSignal): Promise<void> {
    const { broker, random } = this.#parts;
    let failures = 0;
    while (!signal.aborted) {
      if ((await broker.online(signal)) === undefined) return;
      const { connects } = broker.status();
      if (connects !== this.#connection) this.#begin(connects);
      const outcome = await this.#step(signal);
      failures = outcome.kind === "failed" ? failures + 1 : 0;
      switch (outcome.kind) {
        case "done":
          break;
        case "idle":
          await this.#pause(LOOK_MS, true, signal);
          break;
        case "held":
          await this.#pause(Math.min(LOOK_MS, outcome.waitMs), false, signal);
          break;
        case "failed":
          await this.#pause(fullJitterMs(failures - 1, RETRY, random) + RETRY.minMs, false, signal);
          break;
        case "refused":
          await this.#pause(REFUSED_MS, false, signal);
      }
    }
  }

  #begin(connects: number): void {
    this.#connection = connects;
    this.#isStale = true;
    this.#readMs = Number.NEGATIVE_INFINITY;
    this.#roomBytes = SHADOW_STATE_BYTES;
  }

  /** One request at most. */
  async #step(signal: AbortSignal): Promise<Outcome> {
    const { clock, content, pace } = this.#parts;
    if (!this.#isOpen) return await this.#open();
    const sinceReadMs = clock.boottimeMs() - this.#readMs;
    if (this.#isStale || sinceReadMs >= REREAD_MS) {
      if (sinceReadMs < READ_MS) return { kind: "held", waitMs: READ_MS - sinceReadMs };
      return await this.#read(signal);
    }
    const room = this.#roomBytes - SPARE_BYTES - this.#othersBytes;
    const document = content.document(room);
    if (document === undefined) return { kind: "idle" };
    const { reported, omitted } = document;
    this.#omitted = omitted;
    const change = changeOf(this.#reported, reported);
    this.#state = change === undefined ? "in-step" : "behind";
    if (change === undefined) {
      this.#what = "";
      return { kind: "idle" };
    }
    const urgent = content.urgent?.(change);
    const waitMs = pace.waitMs();
    if (waitMs > 0 && (urgent === undefined || pace.urgentWaitMs() > 0)) return { kind: "held", waitMs };
    if (urgent === undefined) pace.note();
    else pace.noteUrgent();
    if (urgent === undefined || waitMs === 0) return await this.#report(change, reported, signal);
    return await this.#report(urgent, withoutNulls({ ...this.#reported, ...urgent }), signal);
  }

  /** Subscribes. */
  async #open(): Promise<Outcome> {
    const { shadow, log, name } = this.#parts;
    try {
      await shadow.open((version) => {
        this.#isStale = true;
        this.#heardVersion = Math.max(this.#heardVersion, version);
        this.#woken.notify();
      });
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#state = "refused";
      this.#what = thrown.message;
      log.error("shadow.closed", { shadow: name, code: thrown.code, what: thrown.message });
      return { kind: "refused" };
    }
    this.#isOpen = true;
    return { kind: "done" };
  }

  async #report(change: Tree, reported: Tree, signal: AbortSignal): Promise<Outcome> {
    const { shadow, pace, log, name } = this.#parts;
    const reply = await shadow.report(change, signal);
    if (reply.kind === "accepted") {
      this.#counts.updates += 1;
      this.#what = "";
      this.#reported = reported;
      return { kind: "done" };
    }
    // What was sent may have been taken all the same.
    this.#isStale = true;
    if (NOT_TAKEN.has(reply.kind)) pace.giveBack();
    if (reply.kind === "conflict") {
      this.#counts.conflicts += 1;
      return { kind: "done" };
    }
    if (reply.kind !== "too-large") return this.#failed("update", reply);
    // The service counts more than we do. With half the room it is tried again, until nothing more can be left out.
    const bytes = bytesOf(reported);
    const isLeast = bytes > this.#roomBytes - SPARE_BYTES - this.#othersBytes;
    this.#roomBytes = Math.floor(bytes / 2) + SPARE_BYTES + this.#othersBytes;
    log.warn("shadow.too-large", { shadow: name, bytes, othersBytes: this.#othersBytes });
    return isLeast ? this.#failed("update", reply) : { kind: "done" };
  }

  async #read(signal: AbortSignal): Promise<Outcome> {
    const { shadow, clock, content } = this.#parts;
    this.#readMs = clock.boottimeMs();
    // What changes meanwhile makes it stale again, but for what the answer has seen.
    this.#isStale = false;
    this.#heardVersion = 0;
    this.#counts.reads += 1;
    const reply = await shadow.get(signal);
    if (reply.kind === "none") {
      this.#reported = {};
      this.#othersBytes = 0;
      content.desire?.(undefined);
      return { kind: "done" };
    }
    if (reply.kind !== "accepted") {
      this.#isStale = true;
      return this.#failed("get", reply);
    }
    const { version, desired, reported = {} } = reply.body;
    this.#isStale = this.#heardVersion > version;
    const entries = Object.entries(reported);
    this.#reported = Object.fromEntries(entries.filter(([key]) => content.keys.includes(key)));
    const others = Object.fromEntries(entries.filter(([key]) => !content.keys.includes(key)));
    this.#othersBytes = bytesOf({ desired: desired ?? {}, reported: others });
    content.desire?.(desired ?? {});
    return { kind: "done" };
  }

  #failed(operation: string, reply: Reply<unknown>): Outcome {
    const { log, name } = this.#parts;
    if (reply.kind === "aborted" || reply.kind === "offline") return { kind: "failed" };
    this.#counts.failures += 1;
    this.#what = describeReply(reply);
    log.warn("shadow.request-failed", { shadow: name, operation, what: this.#what });
    if (isRetryable(reply)) return { kind: "failed" };
    this.#state = "refused";
    return { kind: "refused" };
  }

  /** For so long, until there is another connection, or, where it may, until something is heard of the shadow. */
  async #pause(ms: number, mayWake: boolean, signal: AbortSignal): Promise<void> {
    if (mayWake && this.#isStale) return;
    const { broker, clock } = this.#parts;
    const done = new AbortController();
    const either = AbortSignal.any([signal, done.signal]);
    const ends = [broker.online(either, this.#connection), clock.sleep(ms, either)];
    await Promise.race(mayWake ? [...ends, this.#woken.next(either)] : ends);
    done.abort();
  }
}

function withoutNulls(tree: Tree): Tree {
  return Object.fromEntries(Object.entries(tree).filter(([, value]) => value !== null));
}
