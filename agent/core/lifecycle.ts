import { aborted } from "./aborted.ts";
import type { Clock } from "./clock.ts";
import { messageOf } from "./errors.ts";
import type { Log } from "./log.ts";

/**
 * One part of the daemon with a lifetime.
 *
 * `start` resolves when the part is ready; `stop` drains, is idempotent and never throws. `broken`, where given, rejects when the
 * part can no longer work; it never resolves.
 */
export type Service = {
  readonly name: string;
  start(): Promise<void>;
  stop(): Promise<void>;
  readonly broken?: Promise<never>;
};

/** What `runServices` needs: `stopMs` bounds the whole of stopping; `onStarted` gets the name of each service that is ready, `onReady` runs once, after the last. */
export type LifecycleParts = {
  readonly services: readonly Service[];
  readonly clock: Clock;
  readonly log: Log;
  readonly stopMs: number;
  onStarted?(name: string): void;
  onReady(): void;
  onStopping(): void;
};

/**
 * Starts the services in order, waits until `signal` aborts or one breaks, and stops those that were started in reverse order.
 *
 * Rejects with the error of the service that did not start or broke, after stopping the others.
 */
export async function runServices(parts: LifecycleParts, signal: AbortSignal): Promise<void> {
  const started: Service[] = [];
  try {
    for (const service of parts.services) {
      if (signal.aborted) break;
      started.push(service);
      await service.start();
      parts.onStarted?.(service.name);
    }
    if (!signal.aborted) parts.onReady();
    await Promise.race([aborted(signal), ...started.flatMap((service) => service.broken ?? [])]);
  } finally {
    parts.onStopping();
    await stopAll(started.toReversed(), parts);
  }
}

async function stopAll(services: readonly Service[], parts: LifecycleParts): Promise<void> {
  const { clock, log, stopMs } = parts;
  const deadlineMs = clock.monotonicMs() + stopMs;
  for (const service of services) {
    const finished = new AbortController();
    const leftMs = Math.max(100, deadlineMs - clock.monotonicMs());
    const outcome = await Promise.race([
      service.stop().then(
        () => "stopped",
        (error: unknown) => messageOf(error),
      ),
      clock.sleep(leftMs, finished.signal).then(() => "late"),
    ]);
    finished.abort();
    if (outcome !== "stopped") log.warn("service.stop-failed", { service: service.name, outcome });
  }
}
