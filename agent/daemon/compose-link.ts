import type { AgentConfig } from "../../config/schema.ts";
import { createBroker } from "../../drivers/aws/mqtt5.ts";
import { setNoDelay } from "../../drivers/can/no-delay.ts";
import { presencePublication } from "../cloud/presence.ts";
import { createTopics } from "../cloud/topics.ts";
import { composeKeyWatch } from "./compose-keys.ts";
import { composeProxy } from "./compose-proxy.ts";
import { composeRenewal } from "./compose-renewal.ts";
import type { OpenIdentity } from "./open-identity.ts";
import type { CloudLink, LinkFaultTaker, Runtime } from "./parts.ts";

/** Where the broker is, and as whom to connect. */
export type LinkParts = {
  readonly config: AgentConfig;
  readonly identities: OpenIdentity;
  readonly onFault?: LinkFaultTaker | undefined;
};

/** The session with the broker and the announcement of it, and what looks after the credential. Nothing is opened yet. */
export function composeLink({ config, identities, onFault }: LinkParts, runtime: Runtime): CloudLink {
  const { version, environment, bootId, clock, log, random } = runtime;
  const { broker: settings, thingName: thing } = config;
  const subject = { thing, bootId, topic: createTopics(config.topics, thing).presence, clock };
  const session = { config: settings, clientId: thing, will: presencePublication(subject, "lost") };
  const proxy = composeProxy({ config, environment })(settings.host);
  const keep = { folder: config.stateDir, version };
  const broker = createBroker(session, { identity: identities.inUse, proxy, clock, log, keep, onFault, setNoDelay });
  const { identityStore } = identities;
  return {
    identities,
    broker,
    presence: { subject, broker, log, random },
    renewal: composeRenewal({ config, environment, clock, log, random, identities, broker }),
    keyWatch: composeKeyWatch({ config, environment, identityStore, broker, clock, log }),
  };
}
