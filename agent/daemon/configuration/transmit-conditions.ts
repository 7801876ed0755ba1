import type { LoadedConfig } from "../../../config/load.ts";
import { AgentError } from "../../core/errors.ts";
import { buildSafetyGate, type SafetyGate, type SafetyGateParts } from "../../vehicle/safety-gate.ts";

/**
 * The state of the vehicle in which requests go out on the bus `index` of diagnostics; undefined where they always do, or never. Throws
 * `config.invalid` with the place of what cannot be used.
 */
export function transmitCondition(
  { config, locate }: Pick<LoadedConfig, "config" | "locate">,
  index: number,
  parts: SafetyGateParts,
): SafetyGate | undefined {
  const condition = config.diagnostics?.buses[index].transmit?.condition ?? "always";
  if (condition === "always") return undefined;
  const built = buildSafetyGate(condition, parts);
  if (built.kind === "gate") return built.gate;
  const at = ["diagnostics", "buses", index, "transmit", "condition"];
  throw new AgentError("config.invalid", {
    what: built.problems.map(({ path, problem }) => `${locate([...at, ...path])} ${problem}`).join("\n"),
    remedy: "name signals of the DBC files, see: causeway dbc list",
  });
}
