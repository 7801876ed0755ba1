import { readFileSync } from "node:fs";
import { AgentError, messageOf } from "../core/errors.ts";
import { type KeyUnwrapper, privateKeyUnwrapper } from "../telemetry/record/read/key-unwrapper.ts";
import type { ConsumerConfig } from "./settings.ts";

/** The keys of encrypted records. Throws `config.invalid` for a key file that cannot be used. */
export function openKeys(settings: ConsumerConfig["decrypt"]): KeyUnwrapper {
  if (settings === undefined) return { unwrap: () => Promise.reject(noKey()) };
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

/** Not refused: the record would be lost for a setting that is forgotten. */
function noKey(): AgentError {
  return new AgentError("input.unavailable", {
    what: "a record is encrypted, and the settings name no key for it",
    remedy: "set decrypt in the settings of the worker",
  });
}
