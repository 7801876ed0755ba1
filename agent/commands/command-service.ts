import { AgentError, messageOf } from "../core/errors.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Log } from "../core/log.ts";
import { type DispatchParts, dispatch } from "./dispatch.ts";
import type { Arrival } from "./request.ts";

/** A door that requests come through. */
export type RequestDoor = {
  readonly name: string;
  /** Calls `take` for each request; it does not throw, and the request is in the ledger when it returns. */
  open(take: (arrival: Arrival) => void): Promise<void>;
};

/**
 * Remote commands: settles what an earlier process left open, then takes requests from the doors and tells answers. A bug in telling
 * ends the process; one that a request brings out costs that request. Stopping lets what runs come to its end, aborted.
 */
export function commandService(parts: DispatchParts, doors: readonly RequestDoor[]): Service {
  const { ledger, refusals, reporter, settings, log } = parts;
  const stopping = new AbortController();
  const telling = new AbortController();
  const broken = Promise.withResolvers<never>();
  const running = new Set<Promise<void>>();
  let reporting: Promise<void> = Promise.resolve();
  let stopCounting = (): void => undefined;
  const take = (arrival: Arrival): void => {
    if (stopping.signal.aborted) return;
    const run = dispatch(parts, arrival, stopping.signal)
      .then(() => undefined)
      .catch((thrown: unknown) => {
        // The ledger itself failed, or a bug that this request brought out; what the ledger says of it is settled at the next start.
        const code = thrown instanceof AgentError ? thrown.code : "internal.bug";
        log.error("command.stranded", { code, what: messageOf(thrown) });
      })
      .finally(() => running.delete(run));
    running.add(run);
  };
  return {
    name: "commands",
    broken: broken.promise,
    start: async () => {
      for (const { id, action, state } of ledger.recover(settings.bootId))
        log.warn("command.settled", { id, action, state });
      stopCounting = refusals.start();
      reporting = reporter.run(telling.signal).catch((thrown: unknown) => broken.reject(thrown));
      for (const door of doors) await openDoor(door, take, log);
    },
    stop: async () => {
      stopping.abort();
      await Promise.all(running);
      stopCounting();
      telling.abort();
      await reporting;
    },
  };
}

/** One door that the broker refuses does not close the others. */
async function openDoor(door: RequestDoor, take: (arrival: Arrival) => void, log: Log): Promise<void> {
  try {
    await door.open(take);
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    log.error("command.door-closed", { door: door.name, code: thrown.code, what: messageOf(thrown) });
  }
}
