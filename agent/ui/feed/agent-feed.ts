import type { Clock } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import { followSamples } from "../../local-api/samples-schema.ts";
import { type Status, statusVerb } from "../../local-api/status-schema.ts";
import { problemsOf } from "../../support/status-problems.ts";
import type { AgentLine } from "../agent-line.ts";
import { SampleBook } from "./sample-book.ts";
import { type Section, sections } from "./sections.ts";

const STATUS_MS = 1000;
/** Without an answer for so long the agent is called silent, ms. */
const SILENT_MS = 3000;
const RETRY_MS = 1000;
/** How long a section is left alone that the agent does not have, ms. */
const ABSENT_MS = 30_000;

/** Whether the agent answers; `fault` says why not. */
export type AgentState =
  | { readonly state: "unknown" | "up" | "silent" }
  | {
      readonly state: "down";
      readonly fault: { readonly code: string; readonly what: string; readonly remedy: string };
    };

/** A status with the time at which it was so, s since the Unix epoch, and what is wrong in it. */
export type ToldStatus = {
  readonly t: number;
  readonly status: Status;
  readonly problems: readonly { readonly what: string; readonly remedy: string }[];
};

type FeedParts = {
  readonly line: AgentLine;
  readonly clock: Clock;
  /** Newest values a second of each signal are 1000 / this. */
  readonly intervalMs: number;
  readonly send: (kind: string, value: unknown) => void;
};

/** `text`: what was told last, as JSON; empty before the first, undefined where there is nothing. */
type Asked = { readonly section: Section; dueMs: number; text: string | undefined };

/**
 * What the agent says, asked once for all who look: its samples as they come, its status once a second, and the sections of the page. An agent
 * that goes is said to be down, and followed again when it is back.
 */
export class AgentFeed {
  readonly #parts: FeedParts;
  readonly #book = new SampleBook();
  #agent: AgentState = { state: "unknown" };
  #told: ToldStatus | undefined;
  #asked: Asked[] = [];
  /** Of the last answer, by kind. */
  readonly #values = new Map<string, unknown>();

  constructor(parts: FeedParts) {
    this.#parts = parts;
  }

  /** Follows the agent until `signal` aborts. What an earlier run knew is forgotten at once. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    this.#agent = { state: "unknown" };
    this.#told = undefined;
    this.#forget();
    await Promise.all([this.#followSamples(signal), this.#askAround(signal)]);
  }

  /** The state of things, for a tab that has just come. */
  *snapshot(): Generator<readonly [kind: string, value: unknown]> {
    yield ["agent", this.#agent];
    if (this.#told !== undefined) yield ["status", this.#told];
    yield* this.#book.snapshot();
    yield* this.#values;
  }

  async #followSamples(signal: AbortSignal): Promise<void> {
    const { line, clock, intervalMs, send } = this.#parts;
    while (!signal.aborted) {
      try {
        this.#book.begin();
        send("catalogue", { run: this.#book.run, signals: [], isWhole: true });
        for await (const each of line.follow(followSamples, { intervalMs }, signal)) {
          this.#book.take(each);
          const { run } = this.#book;
          if (each.signals !== undefined) send("catalogue", { run, signals: each.signals, isWhole: false });
          send("samples", { run, t: each.t, samples: each.samples });
        }
      } catch (thrown) {
        if (!(thrown instanceof AgentError)) throw thrown;
        // The status says what is wrong.
      }
      await clock.sleep(RETRY_MS, signal);
    }
  }

  async #askAround(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      const beganMs = clock.monotonicMs();
      await this.#askStatus(signal);
      if (this.#told !== undefined && this.#agent.state === "up") await this.#askSections(this.#told.status, signal);
      await clock.sleep(Math.max(0, STATUS_MS - (clock.monotonicMs() - beganMs)), signal);
    }
  }

  async #askStatus(signal: AbortSignal): Promise<void> {
    const { line, clock, send } = this.#parts;
    const answered = new AbortController();
    void clock.sleep(SILENT_MS, AbortSignal.any([signal, answered.signal])).then(() => {
      if (!answered.signal.aborted && !signal.aborted) this.#tellAgent({ state: "silent" });
    });
    try {
      const status = await line.ask(statusVerb, {});
      if (status.pid !== this.#told?.status.pid) this.#forget();
      this.#told = { t: clock.wallUs() / 1e6, status, problems: problemsOf(status) };
      this.#tellAgent({ state: "up" });
      send("status", this.#told);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      const { code, message: what, remedy } = thrown;
      this.#tellAgent({ state: "down", fault: { code, what, remedy } });
    } finally {
      answered.abort();
    }
  }

  async #askSections(status: Status, signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    for (const asked of this.#asked) {
      if (signal.aborted || clock.monotonicMs() < asked.dueMs) continue;
      asked.dueMs = clock.monotonicMs() + asked.section.everyMs;
      this.#tellSection(asked, await this.#askSection(asked, status));
    }
  }

  async #askSection(asked: Asked, status: Status): Promise<unknown> {
    try {
      return await asked.section.ask(this.#parts.line, status);
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      // One without such a section says that it does not know the verb; one that has just gone is told of by the status.
      asked.dueMs = this.#parts.clock.monotonicMs() + ABSENT_MS;
      return undefined;
    }
  }

  #tellSection(asked: Asked, value: unknown): void {
    const { kind } = asked.section;
    const text = value === undefined ? undefined : JSON.stringify(value);
    if (text === asked.text) return;
    asked.text = text;
    this.#values.set(kind, value ?? null);
    this.#parts.send(kind, value ?? null);
  }

  #tellAgent(state: AgentState): void {
    if (JSON.stringify(state) === JSON.stringify(this.#agent)) return;
    this.#agent = state;
    this.#parts.send("agent", state);
  }

  /** Another run of the agent: what was asked of the one before says nothing. */
  #forget(): void {
    this.#asked = sections().map((section) => ({ section, dueMs: 0, text: "" }));
    this.#values.clear();
  }
}
