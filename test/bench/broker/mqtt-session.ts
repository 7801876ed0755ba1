import type { Log } from "../../../agent/core/log.ts";
import { lockoutFault } from "../../../agent/daemon/compose-keys.ts";
import type { Broker, Publication } from "../../../agent/ports/broker.ts";
import type { HttpProxy } from "../../../agent/ports/http-proxy.ts";
import { agentConfig, type BrokerConfig, type IdentityConfig } from "../../../config/schema.ts";
import { createTlsIdentity } from "../../../drivers/aws/identity/create-identity.ts";
import { type BrokerParts, createBroker } from "../../../drivers/aws/mqtt5.ts";
import { setNoDelay } from "../../../drivers/can/no-delay.ts";
import { readPin } from "../../../drivers/os/pin.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { checkStore } from "../../../drivers/tpm/store/store-check.ts";
import { TpmCheck } from "../../../drivers/tpm/tpm-check.ts";

/** Whom to connect as, and to what. `broker` overrides what the agent's schema gives by default, but for quick reconnects. */
export type SessionRequest = {
  readonly clientId: string;
  readonly identity: IdentityConfig;
  readonly caFile: string;
  readonly broker: Partial<BrokerConfig> & Pick<BrokerConfig, "host" | "port">;
  readonly log: Log;
  readonly will?: Publication;
  readonly once?: boolean;
  readonly proxy?: HttpProxy;
  /** Least time between two CONNECT, ms; the agent's own is a second. */
  readonly connectGapMs?: number;
  readonly onFault?: BrokerParts["onFault"];
};

/** The agent's own MQTT session, with nothing around it. Not started. */
export function createSession(request: SessionRequest): Broker {
  const { clientId, identity, caFile, broker, log, will, proxy, once = false, connectGapMs = 20, onFault } = request;
  const config = {
    ...agentConfig.shape.broker.parse({ caFile, reconnect: { minMs: 100, maxMs: 1000 }, ...broker }),
  };
  // A time service keeps it, whatever becomes of this machine's: the faults of certificates depend on it.
  const clock = systemClock({ kernelErrorUs: () => 1000 });
  const tcti = identity.mode === "pkcs11" ? identity.tcti : undefined;
  const check =
    identity.mode === "pkcs11" ? new TpmCheck({ tcti, environment: process.env, timeoutMs: 5000 }) : undefined;
  const tlsIdentity = createTlsIdentity({
    checkStore,
    tpm: {
      silence: (signal) => check?.silence(signal) ?? Promise.resolve(undefined),
      lockoutFault: () => lockoutFault({ identity, environment: process.env, log }),
    },
    identity,
    broker: config,
    verbose: false,
    readPin: () =>
      readPin({ pinFile: identity.mode === "pkcs11" ? identity.pinFile : undefined, credentialsDirectory: undefined }),
  });
  return createBroker(
    { config, clientId, will, once, connectGapMs },
    { identity: tlsIdentity, proxy, clock, log, onFault, setNoDelay },
  );
}
