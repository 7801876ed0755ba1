import { type Context, Hono } from "hono";
import { type SSEStreamingApi, streamSSE } from "hono/streaming";
import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { CommandBook, CommandState } from "../commands/command-book.ts";
import type { Bindings } from "../people/bindings.ts";
import { userTag } from "../people/user-tag.ts";
import { type Env } from "./guard.ts";
import { problem } from "./problem.ts";

/** Streams of one person at a time in this process. */
const MAX_STREAMS = 8;
/** A browser comes again so long after the end of a stream, ms. */
const RETRY_MS = 500;

/** "live": events as they come, for `maxMs`. "buffered": the way to the browser hands on whole responses alone, so that one ends with its first news. */
export type StreamSettings = {
  readonly mode: "live" | "buffered";
  /** Longest response, ms. */
  readonly maxMs: number;
  /** Between two looks at the command, ms. */
  readonly pollMs: number;
};

export type EventRoutesParts = {
  readonly bindings: Bindings;
  readonly book: CommandBook;
  readonly settings: StreamSettings;
  readonly clock: Clock;
  readonly log: Log;
  /** Whether the caller is still known. */
  readonly isStillIn: (context: Context) => Promise<boolean>;
};

/** Ids of events: how far a command is. A browser that comes again says which it has seen. */
const EVENT_IDS: Readonly<Record<CommandState["status"], number>> = { sent: 1, "in-progress": 2, ended: 3 };

/**
 * How a command goes on, as Server-Sent Events: "progress" for what is under way and one "final", after which a browser is told to come
 * no more (204). Session and binding are looked at again before each event.
 */
export function eventRoutes(parts: EventRoutesParts): Hono<Env> {
  const { bindings, book, clock, log } = parts;
  const streams = new Map<string, number>();
  const routes = new Hono<Env>();
  routes.get("/vehicles/:vehicle/commands/:id/events", async (context) => {
    const { user } = context.get("caller");
    const look = async (): Promise<CommandState | undefined> => {
      const nowMs = Math.floor(clock.wallUs() / 1000);
      const binding = await bindings.find(user, context.req.param("vehicle"), nowMs);
      if (binding === undefined || !(await parts.isStillIn(context))) return undefined;
      return await book.look({ user, thing: binding.thing }, context.req.param("id"));
    };
    if ((await look()) === undefined) return problem(context, "not-found");
    const seen = seenOf(context.req.header("last-event-id"));
    if (seen >= EVENT_IDS.ended) return context.body(null, 204);
    const open = streams.get(user) ?? 0;
    if (open >= MAX_STREAMS) return problem(context, "too-many");
    streams.set(user, open + 1);
    context.header("x-accel-buffering", "no");
    return streamSSE(context, async (stream) => {
      try {
        await follow(parts, stream, seen, look);
      } catch (thrown) {
        log.warn("companion.stream-failed", { user: userTag(user), name: thrown instanceof Error ? thrown.name : "" });
      } finally {
        const rest = (streams.get(user) ?? 1) - 1;
        if (rest === 0) streams.delete(user);
        else streams.set(user, rest);
      }
    });
  });
  return routes;
}

async function follow(
  { clock, settings }: EventRoutesParts,
  stream: SSEStreamingApi,
  seen: number,
  look: () => Promise<CommandState | undefined>,
): Promise<void> {
  const aborted = new AbortController();
  stream.onAbort(() => aborted.abort());
  const untilMs = clock.monotonicMs() + settings.maxMs;
  let last = seen;
  // Something goes out at once, so that whoever is between knows that it is open.
  if (settings.mode === "live") await stream.write(`retry: ${RETRY_MS}\n\n`);
  while (!aborted.signal.aborted && clock.monotonicMs() < untilMs) {
    const state = await look();
    if (state === undefined) return;
    const id = EVENT_IDS[state.status];
    if (id > last) {
      last = id;
      const event = state.final === undefined ? "progress" : "final";
      await stream.writeSSE({ id: String(id), event, retry: RETRY_MS, data: JSON.stringify(state) });
      if (state.final !== undefined || settings.mode === "buffered") return;
    }
    await clock.sleep(settings.pollMs, aborted.signal);
  }
}

/** What a browser says that it has seen; nothing for what is not an id of ours. */
function seenOf(header: string | undefined): number {
  return header !== undefined && /^[123]$/.test(header) ? Number(header) : 0;
}
