import { randomUUID } from "node:crypto";
import { type LoadedConfig, loadConfigFile } from "../../config/load.ts";
import { type Overrides, overridesPath, overridesText } from "../../config/overrides.ts";
import { type AgentConfig, collectRules } from "../../config/schema.ts";
import { replaceFile } from "../../drivers/os/durable-file.ts";
import type { Action } from "../commands/action.ts";
import { captureFrames } from "../commands/actions/capture-frames.ts";
import { collectSupport } from "../commands/actions/collect-support.ts";
import { changeCollection, showCollection } from "../commands/actions/collection.ts";
import { locate } from "../commands/actions/locate.ts";
import { notSupported } from "../commands/actions/not-supported.ts";
import { lastSignals, readSignals } from "../commands/actions/read-signals.ts";
import { type RestartSystem, reboot } from "../commands/actions/reboot.ts";
import { replaceKeys } from "../commands/actions/replace-keys.ts";
import { rotateCertificate } from "../commands/actions/rotate-certificate.ts";
import { setConfig } from "../commands/actions/set-config.ts";
import { CollectionRules } from "../commands/collection-rules.ts";
import { ConfigOverrides } from "../commands/config-overrides.ts";
import type { KeySet } from "../commands/key-set.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Renewal } from "../identity/renewal.ts";
import type { Journal } from "../ports/journal.ts";
import type { LatestSignals } from "../signals/latest-signals.ts";
import type { SupportCollector } from "../support/support-collector.ts";
import type { Collector } from "../telemetry/collect/collector.ts";
import type { FrameCapture } from "../telemetry/frame-capture.ts";
import type { OutgoingFile } from "../telemetry/record/encode/file.ts";

/** What the agent's own actions work on. */
export type OwnActionParts = {
  readonly config: AgentConfig;
  readonly loaded: Pick<LoadedConfig, "path" | "layers" | "copy" | "settings">;
  readonly commandsConfig: NonNullable<AgentConfig["commands"]>;
  readonly journal: Journal;
  readonly signals: LatestSignals;
  readonly collector: Collector;
  readonly capture: FrameCapture;
  readonly support: SupportCollector;
  /** Hands a file over to the outbox; gives the number of its records. */
  readonly sendFile: (file: OutgoingFile) => number;
  readonly restart: RestartSystem;
  /** Undefined where no template is configured. */
  readonly renewal: Renewal | undefined;
  readonly clock: Clock;
  readonly log: Log;
};

/** The actions of the agent itself, beside those of the catalogue. Takes up the rules of collection that were set before. */
export function ownActions(parts: OwnActionParts, keys: KeySet): readonly Action[] {
  const { config, commandsConfig, signals, capture, support, sendFile, clock, restart, renewal } = parts;
  const rules = collectionRulesOf(parts);
  return [
    lastSignals(parts),
    readSignals(parts),
    commandsConfig.locate === undefined
      ? notSupported("vehicle.locate", "R0", "where the vehicle is")
      : locate(commandsConfig.locate, signals, clock),
    notSupported("dtc.read", "R0", "read diagnostic trouble codes"),
    notSupported("dtc.clear", "R2", "clear diagnostic trouble codes"),
    showCollection(rules),
    changeCollection(rules, collectRules),
    captureFrames({
      ...commandsConfig.capture,
      capture,
      buses: config.buses.map(({ name }) => name),
      name: randomUUID,
      clock,
    }),
    setConfig(configSettingsOf(parts)),
    renewal === undefined
      ? notSupported("certificate.rotate", "R2", "a new certificate now")
      : rotateCertificate(renewal),
    collectSupport({ collect: () => support.collect(), send: sendFile }),
    replaceKeys(keys),
    reboot(restart),
  ];
}

function collectionRulesOf({ config, collector, journal, support, log }: OwnActionParts): CollectionRules {
  const configured = config.collect.rules;
  const rules = new CollectionRules({ schema: collectRules, configured, collector, journal, log });
  rules.restore();
  support.include("collection", () => rules.current());
  return rules;
}

function configSettingsOf({ config, loaded, commandsConfig, support }: OwnActionParts): ConfigOverrides {
  const configSettings = new ConfigOverrides({
    settable: commandsConfig.settable,
    inForce: loaded.settings,
    check: (candidate) => problemWith(loaded, candidate),
    store: (candidate) => replaceFile(overridesPath(config.stateDir), overridesText(candidate), 0o600),
  });
  support.include("settings", () => configSettings.current());
  return configSettings;
}

/** What is wrong with the configuration under these settings. */
async function problemWith(
  { path, layers, copy }: OwnActionParts["loaded"],
  settings: Overrides,
): Promise<string | undefined> {
  try {
    await loadConfigFile(path, { layers, copy, settings });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return thrown.message;
  }
}
