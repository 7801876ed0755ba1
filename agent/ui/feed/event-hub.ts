import type { ServerResponse } from "node:http";
import type { Clock } from "../../core/clock.ts";

/** How far behind a tab may be, bytes, before events are left out for it. */
const MAX_BACKLOG_BYTES = 1_048_576;
/** How long it may stay so far behind, ms. */
const MAX_SLOW_MS = 30_000;

type Tab = {
  readonly response: ServerResponse;
  /** Events that it did not get since it fell behind. */
  skipped: number;
  slowSinceMs: number | undefined;
};

/** What became of tabs and events. */
export type HubCounts = { tabs: number; events: number; skipped: number; ended: number };

/** An event that a tab gets when it comes, or comes back: the state of things, and no history. */
export type Snapshot = () => Iterable<readonly [kind: string, value: unknown]>;

/**
 * Server-Sent Events (WHATWG HTML, 9.2) for all tabs: each event is written once for all of them, with one number more than the one before. A tab
 * that does not keep up is left out, told so, and given a snapshot; one that stays behind is ended, and may come again.
 */
export class EventHub {
  readonly counts: HubCounts = { tabs: 0, events: 0, skipped: 0, ended: 0 };
  readonly #clock: Clock;
  readonly #snapshot: Snapshot;
  readonly #tabs = new Set<Tab>();

  constructor(clock: Clock, snapshot: Snapshot) {
    this.#clock = clock;
    this.#snapshot = snapshot;
  }

  /** Answers a request with events until the tab goes. `onGone` is called then. */
  attach(response: ServerResponse, onGone: () => void): void {
    const tab: Tab = { response, skipped: 0, slowSinceMs: undefined };
    this.#tabs.add(tab);
    this.counts.tabs = this.#tabs.size;
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.write("retry: 1000\n\n");
    this.#tell(tab);
    response.on("close", () => {
      this.#tabs.delete(tab);
      this.counts.tabs = this.#tabs.size;
      onGone();
    });
    response.on("error", () => response.destroy());
  }

  /** Tells all tabs. */
  send(kind: string, value: unknown): void {
    this.counts.events += 1;
    const text = eventText(kind, value, this.counts.events);
    for (const tab of this.#tabs) this.#write(tab, text);
  }

  /** Ends all. */
  close(): void {
    for (const { response } of this.#tabs) response.destroy();
  }

  #write(tab: Tab, text: string): void {
    const { response } = tab;
    if (response.writableLength > MAX_BACKLOG_BYTES) return this.#skip(tab);
    tab.slowSinceMs = undefined;
    if (tab.skipped > 0) {
      response.write(eventText("skipped", { events: tab.skipped }));
      tab.skipped = 0;
      this.#tell(tab);
    }
    response.write(text);
  }

  #skip(tab: Tab): void {
    const nowMs = this.#clock.monotonicMs();
    tab.slowSinceMs ??= nowMs;
    tab.skipped += 1;
    this.counts.skipped += 1;
    if (nowMs - tab.slowSinceMs < MAX_SLOW_MS) return;
    this.counts.ended += 1;
    tab.response.destroy();
  }

  #tell({ response }: Tab): void {
    response.write(eventText("at", { event: this.counts.events }, this.counts.events));
    for (const [kind, value] of this.#snapshot()) response.write(eventText(kind, value));
  }
}

function eventText(kind: string, value: unknown, id?: number): string {
  return `${id === undefined ? "" : `id: ${id}\n`}event: ${kind}\ndata: ${JSON.stringify(value)}\n\n`;
}
