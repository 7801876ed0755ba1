import type { ConditionConfig } from "../../../config/catalogue.ts";
import type { LoadedConfig } from "../../../config/load.ts";
import { AgentError } from "../../core/errors.ts";
import { buildSafetyGate, type SafetyGate, type SafetyGateParts } from "../../vehicle/safety-gate.ts";

/** The condition that the configuration has at `at`. Throws `config.invalid` with the place of what cannot be used. */
export function conditionAt(
  at: readonly (string | number)[],
  condition: ConditionConfig,
  { locate }: Pick<LoadedConfig, "locate">,
  parts: SafetyGateParts,
): SafetyGate {
  const built = buildSafetyGate(condition, parts);
  if (built.kind === "gate") return built.gate;
  throw new AgentError("config.invalid", {
    what: built.problems.map(({ path, problem }) => `${locate([...at, ...path])} ${problem}`).join("\n"),
    remedy: "name signals of the DBC files, see: causeway dbc list",
  });
}
