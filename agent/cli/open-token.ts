import { loadConfig } from "../../config/load.ts";
import type { AgentConfig, IdentityConfig } from "../../config/schema.ts";
import { AgentError } from "../core/errors.ts";
import { composeKeys } from "../daemon/compose-keys.ts";
import { keyInFile, openIdentity } from "../daemon/open-identity.ts";
import type { IdentityStore } from "../identity/identity-store.ts";
import { keyLabelled, requireUsableKey } from "../identity/key-lookup.ts";
import type { LinkCredential } from "../ports/broker.ts";
import type { KeyFacts, KeyStore, TokenAdmin } from "../ports/key-store.ts";
import type { CliContext } from "./context.ts";
import { verboseLog } from "./verbose-log.ts";

/** The configured token, for verbs that work on it. */
export type Token = {
  readonly config: AgentConfig;
  readonly identity: Extract<IdentityConfig, { mode: "pkcs11" }>;
  /** The key and certificate that the device connects with. */
  readonly inUse: LinkCredential;
  readonly identityStore: IdentityStore;
  readonly keys: KeyStore & TokenAdmin;
};

/** Reads the configuration and gives the token that it names; opens nothing. Throws `config.invalid` when the key is in a file. */
export async function openToken(context: CliContext): Promise<Token> {
  const config = await loadConfig(context.options().config);
  const { identity } = config;
  if (identity.mode !== "pkcs11") throw keyInFile();
  const { environment } = context;
  const log = verboseLog(context);
  const { identityStore } = openIdentity({ config, environment, log, verbose: context.options().verbose });
  const keys = composeKeys({ identity, environment, log });
  return { config, identity, inUse: identityStore.inUse() ?? identity, identityStore, keys };
}

/** The key that is in use. Throws `identity.key-missing`, `identity.key-ambiguous` and `identity.key-unfit`. */
export async function keyInUse({ keys, inUse, identity }: Token): Promise<KeyFacts> {
  const found = keyLabelled({ keys: await keys.list(), tokenLabel: identity.tokenLabel }, inUse.keyLabel);
  if (found !== undefined) return requireUsableKey(found);
  throw new AgentError("identity.key-missing", {
    what: `no private key labelled "${inUse.keyLabel}" in the token "${identity.tokenLabel}"`,
    remedy: "make it: causeway key create",
  });
}
