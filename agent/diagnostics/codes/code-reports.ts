import { type Clock, isBelievable } from "../../core/clock.ts";
import type { CodeReport } from "../../telemetry/record/encode/code-report.ts";
import type { CodeTracker } from "./code-tracker.ts";

const HOUR_US = 3_600_000_000;
const DAY_US = 24 * HOUR_US;
/** How often it is looked whether a day has begun, ms. */
const LOOK_EVERY_MS = 60_000;
/** After a start control units are given this long to be read, ms. */
const FIRST_AFTER_MS = 300_000;

export type CodeReportsParts = {
  readonly tracker: Pick<CodeTracker, "active" | "counters">;
  /** Stores a report; `day`, where it is the report of one, in one transaction with it. */
  readonly send: (report: CodeReport, day: number | undefined) => void;
  /** Day of the last report that was stored: what `send` was given. */
  readonly lastDay: number | undefined;
  /** Hour of UTC at which a day begins. */
  readonly reportHour: number;
  readonly clock: Clock;
};

/** Reports of all active codes: one a day, and those that somebody asks for. */
export class CodeReports {
  readonly #parts: CodeReportsParts;
  #lastDay: number | undefined;

  constructor(parts: CodeReportsParts) {
    this.#parts = parts;
    this.#lastDay = parts.lastDay;
  }

  /** Sends a report now; of one control unit where `ecu` names it, alone or as BUS/NAME. */
  ask(ecu?: string): void {
    this.#send("asked", ecu, undefined);
  }

  /** Reports each day until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    await clock.sleep(FIRST_AFTER_MS, signal);
    while (!signal.aborted) {
      this.#lookAtDay();
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  /** A clock that cannot be believed begins no day. */
  #lookAtDay(): void {
    const { clock, reportHour } = this.#parts;
    if (!isBelievable(clock.quality())) return;
    const day = Math.floor((clock.wallUs() - reportHour * HOUR_US) / DAY_US);
    if (day === this.#lastDay) return;
    this.#lastDay = day;
    this.#send("day", undefined, day);
  }

  #send(reason: CodeReport["reason"], ecu: string | undefined, day: number | undefined): void {
    const { tracker, send, clock } = this.#parts;
    const codes = tracker.active().filter((code) => [undefined, code.ecu, `${code.bus}/${code.ecu}`].includes(ecu));
    send({ timeUs: clock.wallUs(), reason, ecu, codes, refused: tracker.counters().refused }, day);
  }
}
