import { constants, createHash, createPrivateKey, type KeyObject, privateDecrypt } from "node:crypto";
import { cryptoTrouble } from "../../../core/crypto-trouble.ts";
import { AgentError } from "../../../core/errors.ts";
import { refused } from "../envelope/decrypt-message.ts";
import { DATA_KEY_BYTES } from "../envelope/message-format.ts";

/** Gives the data keys of encrypted records back. */
export interface KeyUnwrapper {
  /**
   * The data key (32 bytes) in `wrappedKey`, that the wrapping key `keyName` of `providerId` has encrypted by RSA-OAEP with SHA-256. Rejects with
   * `input.refused` where that key is not at hand or did not wrap it, and with `input.unavailable` where it may answer later.
   */
  unwrap(wrappedKey: Uint8Array, providerId: string, keyName: string): Promise<Uint8Array>;
}

/** A private key in memory: for a bench, or where the consumer is the only one that has it. `pem` is PKCS#8 or PKCS#1. Throws `input.refused`. */
export function privateKeyUnwrapper(pem: string): KeyUnwrapper {
  const key = privateKeyOf(pem);
  return {
    unwrap: async (wrappedKey) => {
      try {
        return privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" }, wrappedKey);
      } catch (thrown) {
        throw refused("its data key was wrapped for another RSA key, or was changed", thrown);
      }
    },
  };
}

function privateKeyOf(pem: string): KeyObject {
  try {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType === "rsa") return key;
    throw new Error(`it is a key for ${key.asymmetricKeyType}, not for RSA`);
  } catch (thrown) {
    throw new AgentError("input.refused", {
      what: `the private key cannot be used: ${cryptoTrouble(thrown)}`,
      remedy: "give the RSA key as PEM, without a passphrase",
      cause: thrown,
    });
  }
}

/** Remembers the last `maxKeys` data keys, since one serves many records. What failed is asked again. */
export function rememberKeys(unwrapper: KeyUnwrapper, maxKeys: number): KeyUnwrapper {
  const known = new Map<string, Promise<Uint8Array>>();
  return {
    unwrap: (wrappedKey, providerId, keyName) => {
      const place = `${providerId}\n${keyName}\n${createHash("sha256").update(wrappedKey).digest("base64")}`;
      const before = known.get(place);
      const key = before ?? checked(unwrapper.unwrap(wrappedKey, providerId, keyName));
      known.delete(place);
      known.set(place, key);
      if (before === undefined) key.catch(() => known.delete(place));
      for (const oldest of known.keys()) {
        if (known.size <= maxKeys) break;
        known.delete(oldest);
      }
      return key;
    },
  };
}

async function checked(answer: Promise<Uint8Array>): Promise<Uint8Array> {
  const key = await answer;
  if (key.length === DATA_KEY_BYTES) return key;
  throw refused(`its data key has ${key.length} bytes, not ${DATA_KEY_BYTES}`);
}
