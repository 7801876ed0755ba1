import { loadConfig } from "../../config/load.ts";
import type { AgentConfig, IdentityConfig } from "../../config/schema.ts";
import { composeKeys } from "../compose-keys.ts";
import { type IdentityInUse, identityInUse } from "../control/identity-in-use.ts";
import { AgentError } from "../core/errors.ts";
import type { KeyFacts, KeyStore, TokenAdmin } from "../ports.ts";
import type { CliContext } from "./context.ts";
import { verboseLog } from "./verbose-log.ts";

/** The configured token, for verbs that work on it. */
export type Token = {
  readonly config: AgentConfig;
  readonly identity: Extract<IdentityConfig, { mode: "pkcs11" }>;
  readonly inUse: IdentityInUse;
  readonly keys: KeyStore & TokenAdmin;
};

/** Reads the configuration and gives the token that it names; opens nothing. Throws `config.invalid` when the key is in a file. */
export async function openToken(context: CliContext): Promise<Token> {
  const config = await loadConfig(context.options().config);
  const { identity } = config;
  if (identity.mode !== "pkcs11") {
    throw new AgentError("config.invalid", {
      what: "identity.mode is file: there is no key in a TPM to work on",
      remedy: "set identity.mode to pkcs11",
    });
  }
  const keys = composeKeys({ identity, environment: context.environment, log: verboseLog(context) });
  return { config, identity, inUse: identityInUse(identity), keys };
}

/** The key that is in use. Throws `identity.key-missing`. */
export async function keyInUse({ keys, inUse, identity }: Token): Promise<KeyFacts> {
  const found = (await keys.list()).find(({ label }) => label === inUse.keyLabel);
  if (found !== undefined) return found;
  throw new AgentError("identity.key-missing", {
    what: `no private key labelled "${inUse.keyLabel}" in the token "${identity.tokenLabel}"`,
    remedy: "make it: causeway key create",
  });
}
