import { hexOfId } from "../../ports/arbitration-id.ts";
import type { DbcMessage, DbcSignal } from "./model.ts";

/** "0x1F0", with eight digits for 29 bits. */
export function idText(message: Pick<DbcMessage, "id" | "extended">): string {
  return `0x${hexOfId(message)}`;
}

/** How the physical value comes from the raw one: "* 0.01 + 250". */
export function scaleText({ factor, offset }: Pick<DbcSignal, "factor" | "offset">): string {
  return `* ${factor} ${offset < 0 ? "-" : "+"} ${Math.abs(offset)}`;
}

/** For which values of its multiplexer a signal is in the message: "always", "Mode = 1, 4-6". */
export function presenceText({ multiplexing }: Pick<DbcSignal, "multiplexing">): string {
  if (multiplexing === undefined) return "always";
  const ranges = multiplexing.ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`));
  return `${multiplexing.by} = ${ranges.join(", ")}`;
}
