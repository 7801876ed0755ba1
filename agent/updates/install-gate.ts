import type { ConditionConfig } from "../../config/catalogue.ts";
import { type Clock, isBelievable } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import { buildSafetyGate, type SafetyGate, type SafetyGateParts } from "../vehicle/safety-gate.ts";
import type { GateVerdict } from "./gate-wait.ts";

const MINUTES_A_DAY = 1440;
/** Between two looks further apart than this the vehicle may have driven, ms. */
const MAX_GAP_MS = 5000;

/** When an update may be installed. */
export type InstallGateParts = {
  readonly condition: Pick<SafetyGate, "check">;
  readonly holdSeconds: number;
  /** Time of day, UTC, "HH:MM". */
  readonly window: { readonly from: string; readonly to: string } | undefined;
  /** Whether whoever must agree has agreed. */
  readonly hasConsent: () => boolean;
  readonly clock: Pick<Clock, "wallUs" | "monotonicMs" | "quality">;
};

/** The vehicle's part of the gate. Throws `config.invalid`. */
export function installCondition(condition: ConditionConfig, parts: SafetyGateParts): SafetyGate {
  const built = buildSafetyGate(condition, parts);
  if (built.kind === "gate") return built.gate;
  throw new AgentError("config.invalid", {
    what: built.problems.map(({ path, problem }) => `ota.gate.condition.${path.join(".")}: ${problem}`).join("\n"),
    remedy: "see causeway signals watch for the signals there are",
  });
}

/**
 * The gate of installs: the condition must have held at every look for `holdSeconds`, and it must be within the window, with the consent
 * that is needed. A clock that nobody vouches for has no time of day. What was seen before a pause of looks does not count: while a step works nobody looks.
 */
export function createInstallGate({
  condition,
  holdSeconds,
  window,
  hasConsent,
  clock,
}: InstallGateParts): () => GateVerdict {
  let sinceMs: number | undefined;
  let lookedMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = clock.monotonicMs();
    if (nowMs - lookedMs > MAX_GAP_MS) sinceMs = undefined;
    lookedMs = nowMs;
    const reason = condition.check();
    if (reason !== undefined) {
      sinceMs = undefined;
      return { kind: "closed", waitingFor: `the vehicle's state: ${reason}` };
    }
    sinceMs ??= nowMs;
    const leftMs = sinceMs + holdSeconds * 1000 - nowMs;
    if (leftMs > 0)
      return { kind: "closed", waitingFor: `the vehicle's state to hold for ${Math.ceil(leftMs / 1000)} s` };
    if (window !== undefined && !isBelievable(clock.quality()))
      return { kind: "closed", waitingFor: `the time, for the window ${window.from} to ${window.to} UTC` };
    const isInTime = window === undefined || isWithin(window, clock.wallUs());
    if (isInTime && hasConsent()) return { kind: "open" };
    if (isInTime) return { kind: "closed", waitingFor: "consent: causeway ota consent" };
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
