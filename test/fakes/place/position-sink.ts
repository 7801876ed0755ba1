import type { Fix } from "../../../agent/vehicle/place/fix.ts";
import type { PositionSink, SourceState } from "../../../agent/vehicle/place/position-source.ts";

/** Keeps what a source leaves, in order: a fix, "no-fix", or "state: what; remedy". */
export class RecordingPositions implements PositionSink {
  readonly fixes: Fix[] = [];
  readonly said: string[] = [];
  readonly remedies: string[] = [];
  noFixes = 0;

  onFix(fix: Fix): void {
    this.fixes.push(fix);
  }

  onNoFix(): void {
    this.noFixes += 1;
  }

  onState(state: SourceState, what: string, remedy: string): void {
    this.said.push(`${state}: ${what}`);
    this.remedies.push(remedy);
  }
}

/** A fix of the Rathausplatz in Augsburg, with what is given in its place. */
export function fixOf(given: Partial<Fix> = {}): Fix {
  return { mode: "3d", receivedAtUs: 1_767_225_600_000_000, latitude: 48.3687, longitude: 10.8986, ...given };
}

/** The same with its numbers rounded, also those of objects in it. */
export function rounded(given: unknown, digits = 7): unknown {
  if (typeof given === "number") return Number(given.toFixed(digits));
  if (typeof given !== "object" || given === null) return given;
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [key, rounded(value, digits)]));
}
