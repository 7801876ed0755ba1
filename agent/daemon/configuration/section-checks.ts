import type { LoadedConfig } from "../../../config/load.ts";
import type { Key } from "../../../config/yaml-file.ts";
import { AgentError } from "../../core/errors.ts";
import { odometerOf } from "../../vehicle/odometer.ts";
import type { SafetyGateParts } from "../../vehicle/safety-gate.ts";
import { measureOf } from "../../vehicle/state/measure.ts";
import { batterySignal } from "./battery-signal.ts";
import { loadCertificates } from "./named-files.ts";
import { signalsOfSource } from "./position-signals.ts";
import { conditionAt } from "./vehicle-condition.ts";

/**
 * What the composition would refuse of sections that most agents do not have: each by the function that the composition makes it with. So
 * `config validate` and a start cannot differ, and a start ends before anything is opened. Throws `config.invalid`.
 */
export async function checkSections(loaded: LoadedConfig, state: SafetyGateParts): Promise<void> {
  const { config, locate } = loaded;
  const { tunnels, power, diagnostics, place } = config;
  if (tunnels?.caFile !== undefined)
    await loadCertificates(tunnels.caFile, locate(["tunnels", "caFile"]), "tunnels.caFile");
  const { signals } = state;
  at(loaded, ["power", "trip"], () => measureOf(signals, power?.trip, () => undefined));
  const odometer = diagnostics?.codes.odometer;
  at(loaded, ["diagnostics", "codes", "odometer"], () => odometerOf(signals, odometer, "diagnostics.codes.odometer"));
  for (const [index, source] of (power?.state?.ignition ?? []).entries()) {
    if (source.from !== "signals") continue;
    conditionAt(["power", "state", "ignition", index, "condition"], source.condition, loaded, state);
  }
  for (const [index, source] of (place?.sources ?? []).entries()) {
    if (source.kind === "signals") signalsOfSource(source, index, (name) => signals.find(name), loaded);
  }
  const hidden = place?.privacy.switch;
  if (hidden !== undefined) conditionAt(["place", "privacy", "switch"], hidden, loaded, state);
  if (power?.sleep !== undefined && power.battery !== undefined) batterySignal(power.battery, loaded, signals);
}

/** With the place of what is wrong, which the composition does not know. */
function at({ locate }: LoadedConfig, path: readonly Key[], check: () => unknown): void {
  try {
    check();
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    const { code, message, remedy } = thrown;
    throw new AgentError(code, { what: `${locate(path)} ${message}`, remedy, cause: thrown });
  }
}
