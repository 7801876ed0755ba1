import { z } from "zod";
import type { Clock } from "./core/clock.ts";
import type { LatestValue } from "./data/collect.ts";
import { matchesSignal } from "./data/collect-rules.ts";
import { physicalOf } from "./data/signal-value.ts";
import { type Outbox, STREAMS } from "./ports.ts";
import type { Status } from "./status.ts";

/** How often `watch` sends the latest values. */
const WATCH_INTERVAL_MS = 500;

/** What view.sock shows. It changes nothing. */
export type ViewParts = {
  readonly status: () => Status;
  readonly latest: () => readonly LatestValue[];
  readonly outbox: Pick<Outbox, "stats" | "disk" | "list">;
  readonly clock: Clock;
};

const watchRequest = z.object({ patterns: z.array(z.string().min(1).max(256)).max(64).default([]) });
const listRequest = z.object({
  stream: z.enum(STREAMS).optional(),
  limit: z.int().min(1).max(10_000).default(50),
});

/** One answer, or several over time until `signal` aborts, to one request of a local client. */
export type ViewHandler = (request: unknown, signal: AbortSignal) => unknown;

/** The verbs of view.sock: `status`, `watch`, `buffer.stats`, `buffer.list`. */
export function createView({ status, latest, outbox, clock }: ViewParts): Readonly<Record<string, ViewHandler>> {
  return {
    status: () => status(),
    watch: (request, signal) => watch(watchRequest.parse(request).patterns, { latest, clock }, signal),
    "buffer.stats": () => ({ schemaVersion: 1, ...outbox.stats(), disk: outbox.disk() }),
    "buffer.list": (request) => {
      const { stream, limit } = listRequest.parse(request);
      return { schemaVersion: 1, records: outbox.list(stream, limit) };
    },
  };
}

async function* watch(
  patterns: readonly string[],
  { latest, clock }: Pick<ViewParts, "latest" | "clock">,
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  while (!signal.aborted) {
    const nowUs = clock.wallUs();
    const signals = latest()
      .filter(({ signal }) => patterns.length === 0 || patterns.some((pattern) => matchesSignal(pattern, signal)))
      .map((value) => latestRow(value, nowUs));
    yield { schemaVersion: 1, t: nowUs / 1e6, signals };
    await clock.sleep(WATCH_INTERVAL_MS, signal);
  }
}

function latestRow({ signal, origin, raw, timeUs }: LatestValue, nowUs: number): unknown {
  const { bus, message, name, unit, arbitrationId: id, extended } = signal;
  return {
    bus,
    message,
    id,
    extended,
    name,
    unit,
    source: origin?.source,
    destination: origin?.destination,
    raw: plain(raw),
    physical: plain(physicalOf(raw, signal)),
    ageMs: (nowUs - timeUs) / 1000,
  };
}

/** JSON has no wide integers and no NaN. */
function plain(value: number | bigint): number | string {
  return typeof value === "number" && Number.isFinite(value) ? value : String(value);
}
