import type { AgentConfig } from "../../config/schema.ts";
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { LogLine } from "../core/recent-log.ts";
import type { IdentityStore } from "../identity/identity-store.ts";
import { checkIdentity } from "../support/identity-checks.ts";
import { machineSection } from "../support/sections.ts";
import { SupportCollector } from "../support/support-collector.ts";
import { composeKeys } from "./compose-keys.ts";
import { identityParts } from "./identity-parts.ts";

/** What support bundles are wired with; without a running daemon too. */
export type SupportWiring = {
  readonly version: string;
  readonly config: AgentConfig;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly bootId: string;
  readonly identities: { readonly identityStore: IdentityStore };
  readonly recent: () => readonly LogLine[];
  readonly clock: Clock;
  readonly log: Log;
};

/** The desk with what can be said of every agent: its configuration, its machine, its identity. */
export function composeSupport(wiring: SupportWiring): SupportCollector {
  const { version, config, environment, bootId, identities, recent, clock, log } = wiring;
  const about = { version, thing: config.thingName, bootId, clockQuality: clock.quality() };
  const collector = new SupportCollector({ about, log: recent, clock, maxBytes: config.support.maxBytes });
  collector.include("config", () => config);
  collector.include("machine", () => machineSection(config.stateDir));
  const { identity } = config;
  if (identity.mode === "pkcs11") {
    const keys = composeKeys({ identity, environment, log });
    collector.include("identity", () => {
      const inUse = identities.identityStore.inUse() ?? identity;
      return checkIdentity(identityParts({ identity, inUse, keys, environment, clock }));
    });
  }
  return collector;
}
