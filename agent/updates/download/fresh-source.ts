import { backoffMs } from "../../core/backoff.ts";
import type { ArtifactSource } from "../../ports/update.ts";
import type { StepContext } from "../step-parts.ts";
import type { UpdateRecord } from "../update-record.ts";

/** Between two questions that nobody answers. */
const PAUSE = { minMs: 1000, maxMs: 60_000 } as const;

/**
 * Asks for a fresh source of an artifact until somebody answers: a URL may expire while there is no link to those who make them. Undefined
 * when there is none, when nobody has answered for the time of giving up, or when `signal` aborts.
 */
export async function freshSource(
  record: UpdateRecord,
  { checks, progress, clock }: Pick<StepContext, "checks" | "progress" | "clock">,
  name: string,
  signal: AbortSignal,
): Promise<ArtifactSource | undefined> {
  const endMs = clock.monotonicMs() + checks.giveUpMs;
  try {
    for (let tries = 0; !signal.aborted && clock.monotonicMs() < endMs; tries++) {
      const source = await checks.renew(record, name, signal);
      if (source !== "later") return source;
      progress.waitingFor = `a fresh URL for ${name}: the jobs service does not answer`;
      await clock.sleep(backoffMs(tries, PAUSE), signal);
    }
    return undefined;
  } finally {
    progress.waitingFor = undefined;
  }
}
