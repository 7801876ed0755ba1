import type { AgentConfig } from "../../config/schema.ts";
import type { LogLine } from "../core/recent-log.ts";
import type { IdentityStore } from "../identity/identity-store.ts";
import { checkIdentity } from "../support/identity-checks.ts";
import { machineSection } from "../support/sections.ts";
import { SupportCollector } from "../support/support-collector.ts";
import { composeKeys } from "./compose-keys.ts";
import { identityParts } from "./identity-parts.ts";
import type { Runtime } from "./parts.ts";

/** What every agent can say of itself; without a running daemon too. */
export type SupportSourceParts = {
  readonly config: AgentConfig;
  readonly identities: { readonly identityStore: IdentityStore };
  readonly recent: (after?: number) => readonly LogLine[];
  /** How long a verb has left for work on keys, ms. */
  readonly leftMs?: (() => number) | undefined;
};

/** The collector with what can be said of every agent: its configuration, its machine, its identity. */
export function composeSupport(
  { config, identities, recent, leftMs }: SupportSourceParts,
  { version, environment, bootId, clock, log }: Omit<Runtime, "random" | "startedAtMs" | "metrics">,
): SupportCollector {
  const about = { version, thing: config.thingName, bootId, clockQuality: clock.quality() };
  const collector = new SupportCollector({ about, log: recent, clock, maxBytes: config.support.maxBytes });
  collector.include("config", () => config);
  collector.include("machine", () => machineSection(config.stateDir));
  const { identity } = config;
  if (identity.mode === "pkcs11") {
    const keys = composeKeys({ identity, environment, log, leftMs });
    collector.include("identity", () => {
      const inUse = identities.identityStore.inUse() ?? identity;
      return checkIdentity(identityParts({ identity, inUse, keys, environment, clock }));
    });
  }
  return collector;
}
