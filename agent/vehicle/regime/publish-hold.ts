import type { Clock } from "../../core/clock.ts";
import type { Outbox, StreamName } from "../../ports/outbox.ts";
import type { SendBudget } from "../../telemetry/publish/send-budget.ts";
import type { Regimes } from "./regimes.ts";

export type PublishHoldParts = {
  readonly regimes: Pick<Regimes, "now">;
  readonly outbox: Pick<Outbox, "lastRow">;
  readonly clock: Pick<Clock, "boottimeMs">;
};

/**
 * Holds classes of records back as the regime says. Where it lets them go so often, all that is stored by then goes, however long that
 * takes; what comes after it waits for the next time. The publisher asks at least once a second while online: nothing here has a timer.
 */
export class PublishHold implements SendBudget {
  readonly #parts: PublishHoldParts;
  /** With time asleep; undefined while nothing is held. */
  #dueMs: number | undefined;
  #throughRow = 0;

  constructor(parts: PublishHoldParts) {
    this.#parts = parts;
  }

  /** Another state: it begins anew. */
  restart(): void {
    this.#dueMs = undefined;
    this.#throughRow = 0;
  }

  allow(stream: StreamName, _bytes: number, row: number): { readonly kind: "go" | "held" } {
    const { publish } = this.#parts.regimes.now();
    if (publish === undefined || publish.only.includes(stream)) return { kind: "go" };
    if (publish.everySeconds !== undefined) this.#look(publish.everySeconds * 1000);
    return { kind: row <= this.#throughRow ? "go" : "held" };
  }

  spent(): void {
    // Whatever goes costs nothing here.
  }

  #look(everyMs: number): void {
    const { outbox, clock } = this.#parts;
    const nowMs = clock.boottimeMs();
    this.#dueMs ??= nowMs + everyMs;
    if (nowMs < this.#dueMs) return;
    this.#dueMs = nowMs + everyMs;
    this.#throughRow = outbox.lastRow();
  }
}
