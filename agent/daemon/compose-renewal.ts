import { randomUUID } from "node:crypto";
import type { AgentConfig } from "../../config/schema.ts";
import { readCertificate } from "../../drivers/aws/identity/tls.ts";
import { RequestClient } from "../cloud/request-client.ts";
import { createTopics } from "../cloud/topics.ts";
import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Validity } from "../core/validity.ts";
import { certificateFacts } from "../identity/certificate.ts";
import { Renewal } from "../identity/renewal.ts";
import type { Broker } from "../ports/broker.ts";
import { composeKeys } from "./compose-keys.ts";
import { certificateOrder, type OpenIdentity } from "./open-identity.ts";

export type RenewalWiring = {
  readonly config: AgentConfig;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
  readonly identities: OpenIdentity;
  readonly broker: Broker;
};

/** The renewal of the device's certificate; undefined where there is no token, or no template to renew with. */
export function composeRenewal(wiring: RenewalWiring): Renewal | undefined {
  const { config, environment, clock, log, random, identities, broker } = wiring;
  const { identity, provisioning, requests, thingName: thing } = config;
  const template = provisioning.rotationTemplate ?? provisioning.template;
  if (identity.mode === "file" || template === undefined) return undefined;
  return new Renewal({
    steps: {
      identityStore: identities.identityStore,
      keys: composeKeys({ identity, environment, log }),
      order: certificateOrder(config, template),
      requestClient: new RequestClient({ broker, clock, log, limits: requests, token: () => randomUUID() }),
      announcer: { thing, topic: createTopics(config.topics, thing).identity, clock },
      broker,
      clock,
      log,
    },
    settings: config.renewal,
    validity: () => validityOf(identities.inUse.certificateFile),
    random,
  });
}

function validityOf(certificateFile: string): Validity | undefined {
  try {
    return certificateFacts(readCertificate(certificateFile).certificate);
  } catch (error) {
    // The link tells this fault with its remedy.
    if (error instanceof AgentError) return undefined;
    throw error;
  }
}
