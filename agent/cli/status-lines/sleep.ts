import { formatCount, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { SleepStatus } from "../../local-api/sleep-status.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** When it sleeps and wakes, and what standing costs; a line more for what is not well. Nothing without the section power.sleep. */
export function sleepLines({ sleep }: Pick<Status, "sleep">, colors: Colors): readonly string[] {
  if (sleep === undefined) return [];
  const isSpent = sleep.wakes.most !== undefined && sleep.wakes.unplanned > sleep.wakes.most;
  const parts = [phaseText(sleep), checkInText(sleep), isSpent ? colors.red(wakesText(sleep)) : wakesText(sleep)];
  const { cost, level, fault } = sleep;
  return [
    `sleep      ${parts.join("; ")}`,
    ...(cost.parkedMs < 60_000 && level === "normal" ? [] : [`           ${costText(sleep, colors)}`]),
    ...(fault === undefined ? [] : [`           ${colors.red(fault.what)}: ${fault.remedy}`]),
  ];
}

function phaseText({ phase, sleepsInMs, against }: SleepStatus): string {
  if (phase !== "awake") return phase;
  if (sleepsInMs === undefined) return "awake";
  const waits = sleepsInMs === 0 ? against[0] : undefined;
  return waits === undefined ? `asleep-soon, sleeps in ${formatDuration(sleepsInMs)}` : `asleep-soon, ${waits}`;
}

/** "next check-in 2026-06-01 03:00 UTC". */
function checkInText({ nextCheckIn }: SleepStatus): string {
  if (nextCheckIn === undefined) return "no check-in planned";
  return `next check-in ${nextCheckIn.slice(0, 16).replace("T", " ")} UTC`;
}

function wakesText({ wakes: { unplanned, most } }: SleepStatus): string {
  return most === undefined
    ? `${formatCounted(unplanned, "wake")} today`
    : `${unplanned} of ${formatCounted(most, "wake")} today`;
}

/** "battery saving; parked 3 d: 2 check-ins, 14 min awake, 51 kB, about 60 mAh". */
function costText({ level, cost }: SleepStatus, colors: Colors): string {
  const { parkedMs, awakeMs, checkIns, sentBytes, milliampHours } = cost;
  const parts = [
    formatCounted(checkIns, "check-in"),
    `${formatDuration(awakeMs)} awake`,
    `${formatCount(Math.ceil(sentBytes / 1000))} kB`,
    ...(milliampHours === undefined ? [] : [`about ${formatCount(Math.round(milliampHours))} mAh`]),
  ];
  const battery = level === "normal" ? "" : `${colors.yellow(`battery ${level}`)}; `;
  return `${battery}parked ${formatDuration(parkedMs)}: ${parts.join(", ")}`;
}
