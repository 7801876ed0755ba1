import type { LoadedConfig } from "../config/load.ts";
import { checkCommandFiles } from "./compose-commands.ts";
import { ClockSteps } from "./control/safety-gate.ts";
import { installCondition } from "./control/update-gate.ts";
import type { Clock } from "./core/clock.ts";
import { LatestSignals } from "./data/latest-signals.ts";
import { type LoadedTable, loadSignalTable } from "./load-table.ts";

/** Checks all that the configuration names as the agent does at its start, and gives the table. Throws `config.invalid`. */
export async function checkConfig(loaded: LoadedConfig, clock: Clock): Promise<LoadedTable> {
  const { config } = loaded;
  const table = await loadSignalTable(loaded);
  await checkCommandFiles(config, table, clock);
  if (config.ota !== undefined) {
    const signals = new LatestSignals(table.table, { latestOf: () => undefined });
    installCondition(config.ota.gate.condition, { signals, steps: new ClockSteps(clock), clock });
  }
  return table;
}
