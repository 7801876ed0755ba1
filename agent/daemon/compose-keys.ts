import type { AgentConfig, IdentityConfig } from "../../config/schema.ts";
import { readPin, readSecret } from "../../drivers/os/pin.ts";
import { tpmEnvironment } from "../../drivers/tpm/environment.ts";
import { tpmLockout } from "../../drivers/tpm/faults.ts";
import { createTpmKeyStore } from "../../drivers/tpm/key-store.ts";
import { NvCounter } from "../../drivers/tpm/nv-counter.ts";
import type { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { IdentityStore } from "../identity/identity-store.ts";
import { KeyWatch, type KeyWatchParts } from "../identity/key-watch.ts";
import type { KeyStore, SecretSealer, TokenAdmin } from "../ports/key-store.ts";
import type { MonotonicCounter } from "../ports/update.ts";

/** How long the counter in the TPM may take to answer, s, where no token is configured that says more. */
const COUNTER_SECONDS = 5;

/** `environment` is the process's: it leads to the TPM and to systemd's credentials. */
export type KeysParts = {
  readonly identity: Extract<IdentityConfig, { mode: "pkcs11" }>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  /** How long a verb has left, ms. */
  readonly leftMs?: (() => number) | undefined;
};

/** The keys of the configured token, and the token itself. Nothing is opened or read yet. */
export function composeKeys({ identity, environment, log, leftMs }: KeysParts): KeyStore & TokenAdmin & SecretSealer {
  const { pinFile, officerPinFile: officerFile, tpm } = identity;
  const { CREDENTIALS_DIRECTORY: credentialsDirectory } = environment;
  const secret = (thing: string, file: string | undefined, credential: string) => () =>
    readSecret({ thing, file, credential, credentialsDirectory });
  return createTpmKeyStore({
    identity,
    secrets: {
      pin: () => readPin({ pinFile, credentialsDirectory }),
      officerPin: secret("SO PIN file", officerFile, "causeway-so-pin"),
      ownerAuth: secret("owner authorisation file", tpm.ownerAuthFile, "causeway-tpm-owner-auth"),
      lockoutAuth: secret("lockout authorisation file", tpm.lockoutAuthFile, "causeway-tpm-lockout-auth"),
    },
    environment,
    log,
    leftMs,
  });
}

/** A counter of the configured TPM. Nothing is read yet. */
export function monotonicCounter(
  config: Pick<AgentConfig, "identity">,
  environment: KeysParts["environment"],
  index: number,
): MonotonicCounter {
  const { identity } = config;
  const tcti = identity.mode === "pkcs11" ? identity.tcti : undefined;
  return new NvCounter({
    index,
    environment: tpmEnvironment({ tcti, environment }),
    ownerAuth: () => ownerAuthOf(config, environment),
    timeoutMs: (identity.mode === "pkcs11" ? identity.tpm.answerTimeoutSeconds : COUNTER_SECONDS) * 1000,
  });
}

/** The authorisation of the TPM's owner; undefined where none is given. */
function ownerAuthOf(
  { identity }: Pick<AgentConfig, "identity">,
  environment: KeysParts["environment"],
): string | undefined {
  if (identity.mode !== "pkcs11") return undefined;
  const { CREDENTIALS_DIRECTORY: credentialsDirectory } = environment;
  const thing = "owner authorisation file";
  return readSecret({
    thing,
    file: identity.tpm.ownerAuthFile,
    credential: "causeway-tpm-owner-auth",
    credentialsDirectory,
  });
}

/** The fault that says for how long the TPM is in lockout; undefined when it is not. Rejects when the TPM cannot be asked. */
export async function lockoutFault(
  parts: Omit<KeysParts, "identity"> & { readonly identity: IdentityConfig },
): Promise<AgentError | undefined> {
  const { identity, environment, log } = parts;
  if (identity.mode !== "pkcs11") return undefined;
  const { lockout } = await composeKeys({ identity, environment, log }).inspect();
  return lockout.isLocked ? tpmLockout(lockout) : undefined;
}

/** What looks at the key in use; undefined for a key in a file. */
export function composeKeyWatch(
  parts: Pick<KeyWatchParts, "broker" | "clock" | "log"> & {
    readonly config: Pick<AgentConfig, "identity">;
    readonly environment: KeysParts["environment"];
    readonly identityStore: IdentityStore;
  },
): KeyWatch | undefined {
  const { config, environment, identityStore, broker, clock, log } = parts;
  const { identity } = config;
  if (identity.mode === "file") return undefined;
  const { tokenLabel } = identity;
  const label = (): string => (identityStore.inUse() ?? identity).keyLabel;
  return new KeyWatch({ keys: composeKeys({ identity, environment, log }), tokenLabel, label, broker, clock, log });
}
