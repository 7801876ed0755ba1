import type { LoadedConfig } from "../../../config/load.ts";
import type { Clock } from "../../core/clock.ts";
import { LatestSignals } from "../../signals/latest-signals.ts";
import { installCondition } from "../../updates/install-gate.ts";
import type { SafetyGateParts } from "../../vehicle/safety-gate.ts";
import { ClockSteps } from "../../vehicle/time/clock-steps.ts";
import { checkCommandFiles } from "./command-files.ts";
import { type LoadedTable, loadSignalTable } from "./load-table.ts";
import { loadCertificates, loadTrustRoot, loadWrappingKey } from "./named-files.ts";
import { transmitCondition } from "./transmit-conditions.ts";

/**
 * Checks all that the configuration names as the agent does at its start, and gives the table. Who may do what is not looked at in a
 * copy: it lets nobody act. Throws `config.invalid`.
 */
export async function checkConfig(loaded: LoadedConfig, clock: Clock): Promise<LoadedTable> {
  const { config, copy } = loaded;
  const { broker, encode, ota } = config;
  const table = await loadSignalTable(loaded);
  if (copy === undefined) await checkCommandFiles(config, table, clock);
  await loadCertificates(broker.caFile, loaded.locate(["broker", "caFile"]), "broker.caFile");
  const { encryption } = encode;
  if (encryption !== undefined) {
    await loadWrappingKey(encryption.publicKeyFile, loaded.locate(["encode", "encryption", "publicKeyFile"]));
  }
  const signals = new LatestSignals(table.table, { latestOf: () => undefined });
  const state = { signals, steps: new ClockSteps(clock), clock };
  for (const index of (config.diagnostics?.buses ?? []).keys()) transmitCondition(loaded, index, state);
  await checkRareSections(loaded, state);
  const uploadsCa = config.files?.caFile;
  if (uploadsCa !== undefined) await loadCertificates(uploadsCa, loaded.locate(["files", "caFile"]), "files.caFile");
  if (ota === undefined) return table;
  installCondition(ota.gate.condition, state);
  const { caFile } = ota.download;
  const place = loaded.locate(["ota", "download", "caFile"]);
  if (caFile !== undefined) await loadCertificates(caFile, place, "ota.download.caFile");
  if (copy === undefined) await loadTrustRoot(ota.rootFile, loaded.locate(["ota", "rootFile"]));
  return table;
}

/** Of an agent that has none of them nothing is loaded. */
async function checkRareSections(loaded: LoadedConfig, state: SafetyGateParts): Promise<void> {
  const { tunnels, power, diagnostics, place } = loaded.config;
  if ([tunnels, power, diagnostics, place].every((section) => section === undefined)) return;
  const { checkSections } = await import("./section-checks.ts");
  await checkSections(loaded, state);
}
