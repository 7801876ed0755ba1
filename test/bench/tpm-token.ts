import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../../agent/core/log.ts";
import type { KeyStore, TokenAdmin } from "../../agent/ports.ts";
import { agentConfig } from "../../config/schema.ts";
import { createTpmKeyStore } from "../../drivers/tpm/key-store.ts";

/** Where the token goes and what it is called. */
export type TokenRequest = {
  readonly folder: string;
  readonly storeDir: string;
  readonly tcti: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly tokenLabel: string;
  readonly keyLabel: string;
};

/** What a user of the token needs besides its labels. */
export type Token = { readonly pinFile: string; readonly publicKeyPem: string; readonly keys: KeyStore & TokenAdmin };

/** Makes a PKCS#11 token with one EC P-256 key that is born in the TPM, or gives the one that `folder` holds already; both by the agent's own driver. */
export async function createToken(request: TokenRequest): Promise<Token> {
  const pinFile = join(request.folder, "pin");
  if (!existsSync(pinFile)) writeFileSync(pinFile, randomBytes(16).toString("hex"), { mode: 0o600 });
  const keys = keyStoreFor(request, readFileSync(pinFile, "utf8"));
  await keys.provision();
  const found = (await keys.list()).find(({ label }) => label === request.keyLabel);
  const { publicKeyPem } = found ?? (await keys.create(request.keyLabel, "ec-p256"));
  return { pinFile, publicKeyPem, keys };
}

/** The agent's key store on a token of the bench. */
export function keyStoreFor(
  request: Omit<TokenRequest, "folder">,
  pin: string,
  log: Log = QUIET,
): KeyStore & TokenAdmin {
  const { storeDir, tcti, environment, tokenLabel, keyLabel } = request;
  const { identity } = agentConfig.parse({
    thingName: "bench",
    buses: [{ name: "can0", driver: "native", interface: "can0" }],
    broker: { host: "localhost", caFile: "unused" },
    identity: { mode: "pkcs11", tokenLabel, keyLabel, certificateFile: "unused", storeDir, tcti },
  });
  if (identity.mode !== "pkcs11") throw new Error("the bench's identity is a token");
  const none = () => undefined;
  const secrets = { pin: () => pin, officerPin: none, ownerAuth: none, lockoutAuth: none };
  return createTpmKeyStore({ identity, secrets, environment: { ...process.env, ...environment }, log });
}

const none = (): void => undefined;
const QUIET: Log = { error: none, warn: none, info: none, debug: none };
