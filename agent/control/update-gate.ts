import type { Clock } from "../core/clock.ts";
import type { SafetyGate } from "./safety-gate.ts";
import type { GateVerdict } from "./update-steps.ts";

const MINUTES_A_DAY = 1440;

/** When an update may be installed. */
export type InstallGateParts = {
  readonly condition: SafetyGate;
  readonly holdSeconds: number;
  /** Time of day, UTC, "HH:MM". */
  readonly window: { readonly from: string; readonly to: string } | undefined;
  readonly clock: Pick<Clock, "wallUs" | "monotonicMs">;
};

/** The gate of installs: the condition must have held at every look for `holdSeconds`, and it must be within the window. */
export function createInstallGate({ condition, holdSeconds, window, clock }: InstallGateParts): () => GateVerdict {
  let sinceMs: number | undefined;
  return () => {
    const nowMs = clock.monotonicMs();
    const refusal = condition.check();
    if (refusal !== undefined) {
      sinceMs = undefined;
      return { kind: "closed", waitingFor: `the vehicle's state: ${refusal.description}` };
    }
    sinceMs ??= nowMs;
    const leftMs = sinceMs + holdSeconds * 1000 - nowMs;
    if (leftMs > 0)
      return { kind: "closed", waitingFor: `the vehicle's state to hold for ${Math.ceil(leftMs / 1000)} s` };
    if (window === undefined || isWithin(window, clock.wallUs())) return { kind: "open" };
    return { kind: "closed", waitingFor: `the window ${window.from} to ${window.to} UTC` };
  };
}

function isWithin({ from, to }: { readonly from: string; readonly to: string }, wallUs: number): boolean {
  const minute = Math.floor(wallUs / 60_000_000) % MINUTES_A_DAY;
  const [first, last] = [minuteOf(from), minuteOf(to)];
  return first <= last ? minute >= first && minute < last : minute >= first || minute < last;
}

function minuteOf(time: string): number {
  const [hours, minutes] = time.split(":").map(Number);
  return hours * 60 + minutes;
}
