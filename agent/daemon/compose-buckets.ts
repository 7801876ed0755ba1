import type { FilesConfig } from "../../config/files.ts";
import type { AgentConfig } from "../../config/schema.ts";
import { createCredentialsEndpoint } from "../../drivers/aws/credentials/credentials-endpoint.ts";
import { createRequestSigner } from "../../drivers/aws/credentials/request-signer.ts";
import type { TlsIdentity } from "../../drivers/aws/identity/tls.ts";
import { type CredentialCounts, KeptCredentials } from "../files/kept-credentials.ts";
import { createSignedStore } from "../files/signed-store.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import { composeProxy } from "./compose-proxy.ts";
import type { Runtime } from "./parts.ts";

const HTTPS_PORT = 443;

/** `host`: `files.credentialsHost`; `identity`: the one in use, as the broker is shown it; `store`: what sends requests as they are. */
export type BucketComposeParts = {
  readonly host: NonNullable<FilesConfig["credentialsHost"]>;
  readonly config: Pick<AgentConfig, "thingName" | "proxy">;
  readonly identity: TlsIdentity;
  readonly store: ObjectStore;
};

/** A store that signs with credentials of the vehicle's own, and how often it has got some. */
export type BucketStore = { readonly store: ObjectStore; readonly credentials: () => CredentialCounts };

/** The way to buckets. Nothing is asked before something goes there. */
export function composeBuckets(
  { host: endpoint, config, identity, store }: BucketComposeParts,
  { clock, random, environment }: Pick<Runtime, "clock" | "random" | "environment">,
): BucketStore {
  const [host = endpoint, port = HTTPS_PORT] = endpoint.split(":");
  const provider = createCredentialsEndpoint({
    host,
    port: Number(port),
    thing: config.thingName,
    identity,
    proxy: composeProxy({ config, environment })(host),
    clock,
  });
  const credentials = new KeptCredentials({ provider, clock, random });
  const signed = createSignedStore({ store, credentials, signer: createRequestSigner(), clock });
  return { store: signed, credentials: () => credentials.counts };
}
