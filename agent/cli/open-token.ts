import { loadConfig } from "../../config/load.ts";
import type { AgentConfig, IdentityConfig } from "../../config/schema.ts";
import { AgentError } from "../core/errors.ts";
import { composeKeys } from "../daemon/compose-keys.ts";
import { keyInFile, openIdentity } from "../daemon/open-identity.ts";
import type { IdentityStore } from "../identity/identity-store.ts";
import { keyLabelled, requireUsableKey } from "../identity/key-lookup.ts";
import type { LinkCredential } from "../ports/broker.ts";
import type { KeyFacts, KeyStore, TokenAdmin } from "../ports/key-store.ts";
import { asServiceUser } from "./as-service-user.ts";
import { type CliContext, timeLeft } from "./context.ts";
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

/** What a verb does with the token. `wantsPin`: it signs, makes a key, or looks at all of it. */
export type TokenUse = { readonly wantsPin: boolean };

/**
 * Reads the configuration and gives the token that it names; opens nothing. A process of root is one of the service's user afterwards, see
 * `asServiceUser`. Throws `config.invalid` when the key is in a file.
 */
export async function openToken(context: CliContext, { wantsPin }: TokenUse): Promise<Token> {
  const config = await loadConfig(context.options().config);
  const { identity } = config;
  if (identity.mode !== "pkcs11") throw keyInFile();
  await asServiceUser(config, context, wantsPin);
  const { environment } = context;
  const log = verboseLog(context);
  const { identityStore } = openIdentity({ config, environment, log, verbose: context.options().verbose });
  const keys = composeKeys({ identity, environment, log, leftMs: timeLeft(context) });
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
