import type { Lamps } from "../../telemetry/record/encode/trouble-code.ts";

const LAMP_NAMES = ["malfunction", "stop", "warning", "protect"] as const;

/** Lamps that are on or flash ("malfunction on, stop slow-flash"), in an order that compares: "" where none is. */
export function litLamps(lamps: Lamps): string {
  const lit = LAMP_NAMES.filter((name) => lamps[name] !== undefined && lamps[name] !== "off");
  return lit.map((name) => `${name} ${lamps[name]}`).join(", ");
}
