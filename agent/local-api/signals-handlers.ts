import { z } from "zod";
import type { Clock } from "../core/clock.ts";
import { type Outbox, STREAMS } from "../ports/outbox.ts";
import { physicalOf } from "../signals/codec/signal-value.ts";
import type { LatestValue } from "../signals/latest-signals.ts";
import { matchesSignal } from "../telemetry/collect/collect-rules.ts";
import type { Status } from "./status-schema.ts";

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
  const look = sharedLook(latest, clock);
  return {
    status: () => status(),
    watch: (request, signal) => watch(watchRequest.parse(request).patterns, { look, clock }, signal),
    "buffer.stats": () => ({ schemaVersion: 1, ...outbox.stats(), disk: outbox.disk() }),
    "buffer.list": (request) => {
      const { stream, limit } = listRequest.parse(request);
      return { schemaVersion: 1, records: outbox.list(stream, limit) };
    },
  };
}

async function* watch(
  patterns: readonly string[],
  { look, clock }: { readonly look: () => Look; readonly clock: Clock },
  signal: AbortSignal,
): AsyncGenerator<unknown> {
  while (!signal.aborted) {
    const { atUs, rows } = look();
    const chosen = rows.filter(
      ({ signal }) => patterns.length === 0 || patterns.some((pattern) => matchesSignal(pattern, signal)),
    );
    yield { schemaVersion: 1, t: atUs / 1e6, signals: chosen.map(({ row }) => row) };
    await clock.sleep(WATCH_INTERVAL_MS, signal);
  }
}

/** All signals with their values at one moment, as clients get them. */
type Look = {
  readonly atUs: number;
  readonly rows: readonly { readonly signal: LatestValue["signal"]; readonly row: unknown }[];
};

/** One look at the signals for all who watch, so that its cost does not grow with their number. */
function sharedLook(latest: ViewParts["latest"], clock: Clock): () => Look {
  let last: { readonly look: Look; readonly atMs: number } | undefined;
  return () => {
    const atMs = clock.monotonicMs();
    if (last !== undefined && atMs - last.atMs < WATCH_INTERVAL_MS / 2) return last.look;
    const atUs = clock.wallUs();
    const rows = latest().map((value) => ({ signal: value.signal, row: latestRow(value, atUs) }));
    last = { look: { atUs, rows }, atMs };
    return last.look;
  };
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
