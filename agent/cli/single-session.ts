import type { AgentConfig } from "../../config/schema.ts";
import { fileIdentity } from "../../drivers/aws/identity/file-identity.ts";
import type { TlsIdentity } from "../../drivers/aws/identity/tls.ts";
import { createBroker } from "../../drivers/aws/mqtt5.ts";
import { checkClaim } from "../../drivers/os/identity-files.ts";
import { composeProxy } from "../daemon/compose-proxy.ts";
import type { ClaimFiles } from "../identity/enrol.ts";
import type { Broker } from "../ports/broker.ts";
import type { CliContext } from "./context.ts";
import { verboseLog } from "./verbose-log.ts";

/** A session that ends with its first failed attempt, and of which the broker keeps nothing. */
export function singleSession(
  config: AgentConfig,
  clientId: string,
  identity: TlsIdentity,
  context: CliContext,
): Broker {
  const { environment, clock } = context;
  const { broker } = config;
  const proxy = composeProxy({ config, environment })(broker.host);
  return createBroker(
    { config: { ...broker, sessionExpirySeconds: 0 }, clientId, will: undefined, once: true },
    { identity, proxy, clock, log: verboseLog(context) },
  );
}

/** The one key in a file that is right: it is thrown away as soon as the device has its own. Throws what is wrong with the files. */
export function claimIdentity({ broker }: AgentConfig, files: ClaimFiles): TlsIdentity {
  checkClaim(files);
  return fileIdentity(files, broker);
}
