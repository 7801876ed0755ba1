import { randomUUID } from "node:crypto";
import { JOB_SECTIONS } from "../../config/layers.ts";
import type { ShadowsConfig } from "../../config/shadows.ts";
import { NamedShadow, SHADOW_REQUEST_LIMITS } from "../cloud/named-shadow.ts";
import type { Service } from "../core/lifecycle.ts";
import type { SettingsTrials } from "../jobs/settings/settings-trials.ts";
import type { ShadowsStatus } from "../local-api/shadows-status.ts";
import type { ConfigSlot } from "../ports/update.ts";
import { configDocument, configKeys } from "../shadows/config-document.ts";
import { DesiredSettings } from "../shadows/desired-settings.ts";
import { ReportPace } from "../shadows/report-pace.ts";
import { type ReportedContent, ReportedShadow } from "../shadows/reported-shadow.ts";
import { SettingsMemory } from "../shadows/settings-memory.ts";
import type { Runtime, UpdateParts } from "./parts.ts";
import { loopService } from "./services.ts";

/** Settings from a shadow, wired. */
export type ConfigShadow = {
  readonly service: Service;
  readonly status: () => NonNullable<ShadowsStatus["config"]>;
};

/** `slot` and `trials` are those that config jobs go through. */
export type ConfigShadowParts = {
  readonly settings: NonNullable<ShadowsConfig["config"]>;
  readonly updates: Pick<UpdateParts, "loaded" | "journal" | "link">;
  readonly slot: ConfigSlot;
  readonly trials: SettingsTrials;
};

/** The part of the composition root that wires the shadow whose desired are settings. */
export function composeConfigShadow(parts: ConfigShadowParts, runtime: Runtime): ConfigShadow {
  const { settings, updates, slot, trials } = parts;
  const { loaded, journal, link } = updates;
  const { clock, log, random } = runtime;
  const { broker } = link;
  const { name, minSeconds, updatesPerDay: perDay, settleSeconds } = settings;
  const limits = SHADOW_REQUEST_LIMITS;
  const desired = new DesiredSettings({
    trials,
    slot,
    memory: new SettingsMemory(journal),
    settleMs: settleSeconds * 1000,
    clock,
    log,
    onChange: () => reported.changed(),
    dropped: loaded.refused.find(({ layer }) => layer === "settings")?.what,
  });
  const content: ReportedContent = {
    keys: configKeys(JOB_SECTIONS),
    document: (maxBytes) =>
      desired.isThere() ? configDocument(desired.verdict(), slot.settings(), maxBytes) : undefined,
    desire: (tree) => desired.take(tree),
  };
  const reported = new ReportedShadow({
    name,
    shadow: new NamedShadow({ thing: loaded.config.thingName, name, broker, clock, log, limits, token: randomUUID }),
    content,
    pace: new ReportPace({ minMs: minSeconds * 1000, perDay }, clock),
    broker,
    clock,
    log,
    random,
  });
  const run = async (signal: AbortSignal): Promise<void> => {
    await Promise.all([reported.run(signal), desired.run(signal)]);
  };
  return {
    service: loopService("shadow of the settings", { run }),
    status: () => ({ reported: reported.facts(), settings: desired.verdict() }),
  };
}
