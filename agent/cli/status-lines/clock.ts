import { printable } from "../../core/plain-text.ts";
import { formatCounted, formatError } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** What a line of the page holds. */
const COLUMNS = 80;
/** What a clock without a time that can be believed means, for people. */
const UNSET = { unsynchronised: "nobody has set it", saved: "goes on from a time of an earlier boot" } as const;

/** What the clock is worth; by whom and how well where that is looked after. */
export function clockLines({ clockQuality, time }: Status, colors: Colors): readonly string[] {
  const unset = clockQuality === "unsynchronised" || clockQuality === "saved" ? `, ${UNSET[clockQuality]}` : "";
  if (time === undefined) return [`clock      ${clockQuality}${unset}`];
  const { quality, source, errorMs, detail, untold } = time;
  const isOwn = source === quality || source === "none" || source === "unknown";
  const by = isOwn ? "" : ` by ${source}`;
  const head = `clock      ${quality}${by}${unset === "" ? `, error ${formatError(errorMs)}` : unset}`;
  const about = printable(detail);
  const isLong = head.length + about.length + 3 > COLUMNS;
  return [
    `${head}${about === "" || isLong ? "" : ` (${about})`}`,
    ...(isLong ? [`           ${about}`] : []),
    ...(untold === 0 ? [] : [`           ${colors.yellow(`${formatCounted(untold, "change")} not told, too many`)}`]),
  ];
}
