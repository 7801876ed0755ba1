import type { WireRecord } from "../record-reader.ts";

/**
 * Times of records made right, as telemetry.proto promises that a consumer can: by the distance of the two clocks in the anchors of a boot that
 * a time service had set. Nothing of the agent's own correction is used.
 */
export class Corrections {
  readonly #right = new Map<string, number>();
  readonly #startsAtMs: number;

  constructor(records: readonly WireRecord[], startsAtMs: number) {
    this.#startsAtMs = startsAtMs;
    for (const record of records) {
      if (record.anchor.quality === "CLOCK_QUALITY_NTP") this.#right.set(record.bootId, distanceOf(record));
    }
  }

  /** By how much times of a record are moved, µs; undefined where no clock of its boot was ever right. */
  shiftUs(record: WireRecord): number | undefined {
    const right = this.#right.get(record.bootId);
    return right === undefined ? undefined : right - distanceOf(record);
  }

  /** Vehicle time of a time in a record, ms since the day's start. NaN where it cannot be told. */
  trueMs(record: WireRecord, timeUs: number): number {
    const shiftUs = this.shiftUs(record);
    return shiftUs === undefined ? Number.NaN : (timeUs + shiftUs) / 1000 - this.#startsAtMs;
  }
}

/** Wall - time since the boot, µs. */
function distanceOf({ anchor }: WireRecord): number {
  return Number(anchor.wallUs - anchor.monotonicUs - anchor.suspendedUs);
}
