import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Broker, BrokerLimits } from "../ports/broker.ts";

/** How often the state of an attempt is looked at, ms. */
const POLL_MS = 20;

/**
 * Starts a session that ends with its first failed attempt, and waits for it. Throws the fault of the attempt, or `broker.unreachable`
 * when `signal` aborts first.
 */
export async function openSession(session: Broker, clock: Clock, signal: AbortSignal): Promise<BrokerLimits> {
  const settled = new AbortController();
  session.start();
  const online = session.online(settled.signal);
  try {
    for (;;) {
      const limits = await Promise.race([online, clock.sleep(POLL_MS, signal).then(() => undefined)]);
      if (limits !== undefined) return limits;
      const { state, fault } = session.status();
      if (state === "offline" && fault !== undefined) throw new AgentError(fault.code, fault);
      if (signal.aborted) throw outOfTime();
    }
  } finally {
    settled.abort();
  }
}

function outOfTime(): AgentError {
  return new AgentError("broker.unreachable", {
    what: "there was no connection to the broker in time",
    remedy: "give it longer with --timeout, and check the network connection",
  });
}
