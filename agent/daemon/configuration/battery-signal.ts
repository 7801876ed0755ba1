import type { LoadedConfig } from "../../../config/load.ts";
import type { PowerBatteryConfig } from "../../../config/power-battery.ts";
import { AgentError } from "../../core/errors.ts";
import type { LatestSignals } from "../../signals/latest-signals.ts";
import type { SignalEntry } from "../../signals/signal-entry.ts";

/** The signal that is the voltage of the battery; undefined where none is named. Throws `config.invalid` with the place of a name that stands for none. */
export function batterySignal(
  { signal: name }: PowerBatteryConfig,
  { locate }: Pick<LoadedConfig, "locate">,
  signals: Pick<LatestSignals, "find">,
): SignalEntry | undefined {
  if (name === undefined) return undefined;
  const found = signals.find(name);
  if (found.kind !== "unfit") return found.signal;
  throw new AgentError("config.invalid", {
    what: `${locate(["power", "battery", "signal"])} power.battery.signal: ${found.problem}`,
    remedy: "causeway dbc list shows the signals",
  });
}
