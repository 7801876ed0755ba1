import { fullJitterMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { type Broker, type Publication, publicationTo } from "../ports/broker.ts";

/** What a thing says of its link. "asleep": it has gone in order; "lost": said for it by the broker, as its will. */
export type PresenceState = "online" | "asleep" | "lost";

/**
 * Why it is asleep, in one word ("stopped": the agent ends; else what sent it to sleep), and when it means to come back by itself, wall
 * time in µs since the Unix epoch; undefined when it does not.
 */
export type Farewell = { readonly reason: string; readonly nextCheckInAtUs: number | undefined };

/** Wait before the announcement is tried again on the same connection, ms. */
const RETRY = { minMs: 1000, maxMs: 60_000 };

/** Who is present, and where that is said. */
export type PresenceSubject = {
  readonly thing: string;
  /** Kernel boot id. */
  readonly bootId: string;
  readonly topic: string;
  readonly clock: Clock;
};

/** Who announces over which session. `random` gives 0 <= x < 1. */
export type PresenceParts = {
  readonly subject: PresenceSubject;
  readonly broker: Broker;
  readonly log: Log;
  readonly random: () => number;
};

/**
 * The retained announcement of a state, JSON: `schemaVersion`, `thing`, `state`, `bootId` and `at`, the wall time it was made (RFC
 * 3339, UTC); with a farewell `reason` and, where one is planned, `nextCheckInAt` (RFC 3339, UTC). For the will that is when the agent left it with the broker: the moment of the loss is when it is received.
 */
export function presencePublication(subject: PresenceSubject, state: PresenceState, farewell?: Farewell): Publication {
  const { thing, bootId, topic, clock } = subject;
  const at = timeText(clock.wallUs());
  const nextUs = farewell?.nextCheckInAtUs;
  const nextCheckInAt = nextUs === undefined ? undefined : timeText(nextUs);
  const said = { schemaVersion: 1, thing, state, bootId, at, reason: farewell?.reason, nextCheckInAt };
  const payload = new TextEncoder().encode(JSON.stringify(said));
  return publicationTo(topic, payload, "application/json", { retain: true });
}

/** Says "online" after every connect, until `signal` aborts. */
export async function runPresence(parts: PresenceParts, signal: AbortSignal): Promise<void> {
  const { broker, random } = parts;
  const { clock } = parts.subject;
  let announced = 0;
  let attempt = 0;
  while (!signal.aborted) {
    if ((await broker.online(signal, announced)) === undefined) return;
    const { connects } = broker.status();
    if (await announce(parts, "online")) {
      announced = connects;
      attempt = 0;
    } else {
      await clock.sleep(fullJitterMs(attempt, RETRY, random) + RETRY.minMs, signal);
      attempt += 1;
    }
  }
}

/**
 * Says "asleep"; call before `broker.stop()` or `broker.pause()`. Returns after `withinMs` at the latest, at once when offline: whether the
 * broker has taken it.
 */
export async function announceAsleep(parts: PresenceParts, farewell: Farewell, withinMs: number): Promise<boolean> {
  if (parts.broker.status().state !== "online") return false;
  const done = new AbortController();
  const late = parts.subject.clock.sleep(withinMs, done.signal).then(() => false);
  const isTaken = await Promise.race([announce(parts, "asleep", farewell), late]);
  done.abort();
  return isTaken;
}

/** RFC 3339, UTC, of a wall time in µs since the Unix epoch. */
function timeText(atUs: number): string {
  return new Date(atUs / 1000).toISOString();
}

async function announce(parts: PresenceParts, state: PresenceState, farewell?: Farewell): Promise<boolean> {
  const { subject, broker, log } = parts;
  const retain = broker.status().limits?.retainAvailable ?? true;
  const outcome = await broker.publish({ ...presencePublication(subject, state, farewell), retain });
  if (outcome.kind === "acked") return true;
  const reason = outcome.kind === "rejected" ? outcome.reason : undefined;
  log.warn("presence.not-announced", { state, outcome: outcome.kind, reason });
  return false;
}
