import type { Clock } from "../../core/clock.ts";
import type { ModemFacts } from "../../ports/link-facts.ts";
import type { LinkChange, LinkReason, ModemStanding } from "../../telemetry/record/encode/link-change.ts";
import type { LinkFacts } from "./links.ts";

/** Between two changes that are told, ms: a modem at the edge of a cell changes every second. */
const LEAST_MS = 30_000;

export type LinkReporterParts = {
  readonly tell: (change: LinkChange) => void;
  readonly clock: Pick<Clock, "wallUs" | "monotonicMs">;
};

/** Tells changes of the link in use: the first, and then at most one in half a minute, the newest. The strength of the signal is told, but is no change. */
export class LinkReporter {
  readonly #parts: LinkReporterParts;
  #told: LinkFacts | undefined;
  #seen: LinkFacts | undefined;
  #dueMs = Number.NEGATIVE_INFINITY;
  #untold = 0;

  constructor(parts: LinkReporterParts) {
    this.#parts = parts;
  }

  /** Call it at each look. Gives whether a change was told. */
  look(now: LinkFacts | undefined): boolean {
    const { tell, clock } = this.#parts;
    if (now === undefined) return false;
    const reason = reasonOf(this.#told, now);
    const isNew = reasonOf(this.#seen, now) !== undefined;
    this.#seen = now;
    if (reason === undefined || clock.monotonicMs() < this.#dueMs) {
      if (isNew) this.#untold += 1;
      return false;
    }
    const { name: link, cost, isMetered: metered, modem } = now;
    // The one that is told was counted where it had to wait.
    const untold = Math.max(0, isNew ? this.#untold : this.#untold - 1);
    tell({ link, cost, metered, modem: standingOf(modem), reason, untold, timeUs: clock.wallUs() });
    this.#told = now;
    this.#untold = 0;
    this.#dueMs = clock.monotonicMs() + LEAST_MS;
    return true;
  }
}

function reasonOf(before: LinkFacts | undefined, now: LinkFacts): LinkReason | undefined {
  if (before === undefined) return "start";
  if (before.name !== now.name) return "link";
  if (before.isMetered !== now.isMetered || before.cost !== now.cost) return "metered";
  if (isRoaming(before) !== isRoaming(now)) return "roaming";
  return sameModem(before.modem, now.modem) ? undefined : "modem";
}

function isRoaming({ modem }: LinkFacts): boolean {
  return modem?.registration === "roaming";
}

function sameModem(left: ModemFacts | undefined, right: ModemFacts | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  const keys = ["state", "failure", "registration", "operator", "technology"] as const;
  return keys.every((key) => left[key] === right[key]);
}

function standingOf(modem: ModemFacts | undefined): ModemStanding | undefined {
  if (modem === undefined) return undefined;
  const { state, failure, registration, operator, technology, signalPercent } = modem;
  return { state, failure, registration, operator, technology, signalPercent };
}
