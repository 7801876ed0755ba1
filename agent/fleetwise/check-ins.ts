import type { ChangeSignal } from "../core/change-signal.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { plainText } from "../core/plain-text.ts";
import { type Broker, publicationTo } from "../ports/broker.ts";
import { encodeCheckin } from "./write/checkin.ts";

/** Wait after one that did not arrive, ms (FWE). */
const RETRY_MS = 5000;
const CONTENT_TYPE = "application/x-protobuf";

export type CheckInParts = {
  readonly broker: Pick<Broker, "online" | "status" | "publish">;
  readonly topic: string;
  /** Ids of the documents that the vehicle has. */
  readonly documents: () => readonly string[];
  /** Tells when they are others. */
  readonly changed: Pick<ChangeSignal, "next">;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Says which documents the vehicle has: at each connection, when they are others, and every interval. Nothing of it is kept for a link that
 * is away: by then it would be too old to count.
 */
export class CheckIns {
  readonly #parts: CheckInParts;
  #arrived = 0;
  #told = "";

  constructor(parts: CheckInParts) {
    this.#parts = parts;
  }

  /** Those that arrived, since start. */
  get arrived(): number {
    return this.#arrived;
  }

  /** Until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { broker, changed, clock, intervalMs } = this.#parts;
    while (!signal.aborted) {
      if ((await broker.online(signal)) === undefined) return;
      const done = new AbortController();
      const either = AbortSignal.any([signal, done.signal]);
      const { connects } = broker.status();
      // Heard from before the documents are read, so that no change is missed.
      const isOther = changed.next(either);
      const waitMs = (await this.#send()) ? intervalMs : RETRY_MS;
      await Promise.race([isOther, broker.online(either, connects), clock.sleep(waitMs, either)]);
      done.abort();
    }
  }

  async #send(): Promise<boolean> {
    const { broker, topic, documents, clock, log } = this.#parts;
    const documentSyncIds = documents();
    const payload = encodeCheckin({ documentSyncIds, timeMs: Math.floor(clock.wallUs() / 1000) });
    const outcome = await broker.publish(publicationTo(topic, payload, CONTENT_TYPE));
    if (outcome.kind !== "acked") {
      if (outcome.kind === "offline") log.debug("fleetwise.check-in-failed", { outcome: outcome.kind });
      else log.warn("fleetwise.check-in-failed", { outcome: outcome.kind });
      return false;
    }
    this.#arrived += 1;
    const told = documentSyncIds.join("\n");
    if (told !== this.#told)
      log.info("fleetwise.checked-in", {
        documents: documentSyncIds.length,
        ids: plainText(documentSyncIds.join(" "), 500),
      });
    this.#told = told;
    return true;
  }
}
