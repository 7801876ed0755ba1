import { fullJitterMs } from "../core/backoff.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { type Broker, type Publication, publicationTo } from "../ports/broker.ts";

/** What a thing says of its link. "asleep": it has stopped in order; "lost": said for it by the broker, as its will. */
export type PresenceState = "online" | "asleep" | "lost";

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
 * 3339, UTC). For the will that is when the agent left it with the broker: the moment of the loss is when it is received.
 */
export function presencePublication(subject: PresenceSubject, state: PresenceState): Publication {
  const { thing, bootId, topic, clock } = subject;
  const at = new Date(clock.wallUs() / 1000).toISOString();
  const payload = new TextEncoder().encode(JSON.stringify({ schemaVersion: 1, thing, state, bootId, at }));
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

/** Says "asleep", for a stop in order; call before `broker.stop()`. Returns after `withinMs` at the latest; at once when offline. */
export async function announceAsleep(parts: PresenceParts, withinMs: number): Promise<void> {
  if (parts.broker.status().state !== "online") return;
  const done = new AbortController();
  const late = parts.subject.clock.sleep(withinMs, done.signal);
  await Promise.race([announce(parts, "asleep"), late]);
  done.abort();
}

async function announce({ subject, broker, log }: PresenceParts, state: PresenceState): Promise<boolean> {
  const retain = broker.status().limits?.retainAvailable ?? true;
  const outcome = await broker.publish({ ...presencePublication(subject, state), retain });
  if (outcome.kind === "acked") return true;
  const reason = outcome.kind === "rejected" ? outcome.reason : undefined;
  log.warn("presence.not-announced", { state, outcome: outcome.kind, reason });
  return false;
}
