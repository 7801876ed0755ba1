import { readFileSync } from "node:fs";
import { AgentError, messageOf } from "../core/errors.ts";
import { type KeyUnwrapper, privateKeyUnwrapper } from "../telemetry/record/read/key-unwrapper.ts";
import type { ConsumerConfig } from "./settings.ts";

type KmsSettings = NonNullable<NonNullable<ConsumerConfig["decrypt"]>["kms"]>;

/** The keys of encrypted records. Rejects with `config.invalid` for a key file that cannot be used. */
export async function openKeys(settings: ConsumerConfig["decrypt"]): Promise<KeyUnwrapper> {
  if (settings?.kms !== undefined) return openKms(settings.kms);
  if (settings?.privateKeyFile === undefined) return { unwrap: () => Promise.reject(noKey()) };
  try {
    return privateKeyUnwrapper(readFileSync(settings.privateKeyFile, "utf8"));
  } catch (thrown) {
    throw new AgentError("config.invalid", {
      what: `decrypt.privateKeyFile ${settings.privateKeyFile}: ${messageOf(thrown)}`,
      remedy: "give the RSA key as PEM, without a passphrase, readable by the worker",
      cause: thrown,
    });
  }
}

/** The package is loaded only where KMS is asked. */
async function openKms({ region, keyArns }: KmsSettings): Promise<KeyUnwrapper> {
  const { kmsKeys } = await import("./kms/kms-keys.ts");
  return kmsKeys(region, keyArns);
}

/** Not refused: the record would be lost for a setting that is forgotten. */
function noKey(): AgentError {
  return new AgentError("input.unavailable", {
    what: "a record is encrypted, and the settings name no key for it",
    remedy: "set decrypt in the settings of the worker",
  });
}
