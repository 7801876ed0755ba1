import type { LoadedConfig } from "../../../config/load.ts";
import type { SafetyGate, SafetyGateParts } from "../../vehicle/safety-gate.ts";
import { conditionAt } from "./vehicle-condition.ts";

/**
 * The state of the vehicle in which requests go out on the bus `index` of diagnostics; undefined where they always do, or never. Throws
 * `config.invalid` with the place of what cannot be used.
 */
export function transmitCondition(
  loaded: Pick<LoadedConfig, "config" | "locate">,
  index: number,
  parts: SafetyGateParts,
): SafetyGate | undefined {
  const condition = loaded.config.diagnostics?.buses[index].transmit?.condition ?? "always";
  if (condition === "always") return undefined;
  return conditionAt(["diagnostics", "buses", index, "transmit", "condition"], condition, loaded, parts);
}
