import { randomUUID } from "node:crypto";
import { loadConfigFile } from "../../config/load.ts";
import { type Overrides, overridesPath, overridesText } from "../../config/overrides.ts";
import { collectRules } from "../../config/schema.ts";
import { replaceFile } from "../../drivers/os/durable-file.ts";
import { restartSystem } from "../../drivers/os/restart.ts";
import type { Action } from "../commands/action.ts";
import { captureFrames } from "../commands/actions/capture-frames.ts";
import { collectSupport } from "../commands/actions/collect-support.ts";
import { changeCollection, showCollection } from "../commands/actions/collection.ts";
import { locate } from "../commands/actions/locate.ts";
import { locateByFix } from "../commands/actions/locate-by-fix.ts";
import { notSupported } from "../commands/actions/not-supported.ts";
import { lastSignals, readSignals } from "../commands/actions/read-signals.ts";
import { reboot } from "../commands/actions/reboot.ts";
import { replaceKeys } from "../commands/actions/replace-keys.ts";
import { rotateCertificate } from "../commands/actions/rotate-certificate.ts";
import { setConfig } from "../commands/actions/set-config.ts";
import { activateState, deactivateState, fetchState } from "../commands/actions/state.ts";
import { uploadLog } from "../commands/actions/upload-log.ts";
import { CollectionRules } from "../commands/collection-rules.ts";
import { ConfigOverrides } from "../commands/config-overrides.ts";
import type { KeySet } from "../commands/key-set.ts";
import { StateTemplates } from "../commands/state-templates.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { ControlParts, Runtime } from "./parts.ts";

/** The actions of the agent itself, beside those of the catalogue. Takes up the rules of collection that were set before. */
export function ownActions(
  parts: ControlParts,
  { keys, states }: { readonly keys: KeySet; readonly states: StateTemplates },
  { clock, log }: Runtime,
): readonly Action[] {
  const { loaded, commandsConfig, line, link, support, beside } = parts;
  const { renewal } = link;
  const { config } = loaded;
  const rules = collectionRulesOf(parts, log);
  const known = { signals: line.vehicle.signals, clock };
  return [
    lastSignals(known),
    readSignals(known),
    locateOf(parts, clock),
    ...(beside.diagnostics?.actions ?? [notSupported("dtc.read", "R0", "read diagnostic trouble codes")]),
    fetchState(states, known),
    activateState(states),
    deactivateState(states),
    showCollection(rules),
    changeCollection(rules, collectRules),
    captureFrames({
      ...commandsConfig.capture,
      capture: line.capture,
      buses: config.buses.map(({ name }) => name),
      name: randomUUID,
      clock,
    }),
    setConfig(configOverridesOf(parts)),
    renewal === undefined
      ? notSupported("certificate.rotate", "R2", "a new certificate now")
      : rotateCertificate(renewal),
    collectSupport({ collect: () => support.collect(), send: line.records.sendFile }),
    uploadLog({
      file: (wanted, maxBytes) => support.logFile(wanted, maxBytes),
      send: line.records.sendFile,
      maxBytes: config.support.maxBytes,
    }),
    ...(beside.files?.actions ?? []),
    replaceKeys(keys),
    ...(beside.tunnels?.actions ?? []),
    reboot(() => restartSystem(config.runtimeDir)),
  ];
}

/** By fixes where there are some, which pass the gate for positions; else by the signals that are named for it. */
function locateOf({ commandsConfig, line, beside }: ControlParts, clock: Clock): Action {
  if (beside.place !== undefined) return locateByFix(beside.place.whereabouts, clock);
  return commandsConfig.locate === undefined
    ? notSupported("vehicle.locate", "R0", "where the vehicle is")
    : locate(commandsConfig.locate, line.vehicle.signals, clock);
}

/** The state templates of the catalogue, with those that were active before. */
export function stateTemplatesOf(
  { catalogue, line, journal, support, beside }: ControlParts,
  { clock, log }: Runtime,
): StateTemplates {
  const templates = catalogue.value.protobuf.states;
  const { signals } = line.vehicle;
  const campaigns = line.campaigns.control;
  const states = new StateTemplates({
    templates,
    signals,
    campaigns,
    journal,
    clock,
    log,
    others: beside.fleetwise?.states,
  });
  states.restore();
  support.include("state-templates", () => states.list());
  return states;
}

function collectionRulesOf({ loaded, line, journal, support }: ControlParts, log: Log): CollectionRules {
  const configured = loaded.config.collect.rules;
  const campaigns = line.campaigns.control;
  const rules = new CollectionRules({ schema: collectRules, configured, campaigns, journal, log });
  rules.restore();
  support.include("collection", () => rules.current());
  return rules;
}

function configOverridesOf({ loaded, commandsConfig, support }: ControlParts): ConfigOverrides {
  const overrides = new ConfigOverrides({
    settable: commandsConfig.settable,
    inForce: loaded.overrides,
    check: (candidate) => problemWith(loaded, candidate),
    store: (candidate) => replaceFile(overridesPath(loaded.config.stateDir), overridesText(candidate), 0o600),
  });
  support.include("settings", () => overrides.current());
  return overrides;
}

/** What is wrong with the configuration under these settings. */
async function problemWith(
  { path, layers, copy }: ControlParts["loaded"],
  overrides: Overrides,
): Promise<string | undefined> {
  try {
    await loadConfigFile(path, { layers, copy, overrides });
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return thrown.message;
  }
}
