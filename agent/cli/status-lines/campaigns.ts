import { formatBytes, formatCount } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** Nothing where there are no campaigns. */
export function campaignLines({ campaigns }: Status, colors: Colors): readonly string[] {
  if (campaigns === undefined) return [];
  const { running, waiting, spent, paused, ended, refused, elsewhere, triggers, history } = campaigns;
  const others = { waiting, spent, paused, ended, "for other vehicles": elsewhere };
  const told = Object.entries(others).flatMap(([state, count]) => (count === 0 ? [] : [`, ${count} ${state}`]));
  const bad = refused === 0 ? "" : colors.red(`, ${refused} refused`);
  const lines = [`campaigns  ${running} running${told.join("")}${bad}, triggers: ${formatCount(triggers)}`];
  if (history === undefined) return lines;
  const { usedBytes, bytes, seconds, overwrittenEarly } = history;
  const short = overwrittenEarly === 0 ? "" : colors.yellow(", shorter than asked for");
  return [
    ...lines,
    `           history ${seconds.toFixed(1)} s, ${formatBytes(usedBytes)} of ${formatBytes(bytes)}${short}`,
  ];
}
