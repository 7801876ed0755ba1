import { DecryptCommand, type KMSClient, KMSServiceException } from "@aws-sdk/client-kms";
import { AgentError, messageOf } from "../../core/errors.ts";
import type { KeyUnwrapper } from "../../telemetry/record/read/key-unwrapper.ts";

/** Answers of KMS that no later try changes: the ciphertext is not of this key. */
const FINAL = ["InvalidCiphertextException", "IncorrectKeyException"];

/** Which keys of KMS are asked. */
export type KmsUnwrapperParts = {
  readonly client: Pick<KMSClient, "send">;
  /** Key ARNs, as vehicles have them for `encode.encryption.keyName`. What names another key is refused, and KMS is not asked. */
  readonly keyArns: readonly string[];
};

/**
 * Has AWS KMS unwrap data keys with asymmetric keys (RSA, ENCRYPT_DECRYPT) that never leave it: kms:Decrypt with RSAES_OAEP_SHA_256. Such keys
 * have no encryption context. Rejects with `input.unavailable` for whatever may heal: throttling, the network, a missing permission.
 */
export function kmsUnwrapper({ client, keyArns }: KmsUnwrapperParts): KeyUnwrapper {
  return {
    unwrap: async (wrappedKey, _providerId, keyName) => {
      if (!keyArns.includes(keyName)) throw refusedKey(`the key ${keyName} is none that is asked`);
      const command = new DecryptCommand({
        KeyId: keyName,
        CiphertextBlob: wrappedKey,
        EncryptionAlgorithm: "RSAES_OAEP_SHA_256",
      });
      const { Plaintext } = await client.send(command).catch((thrown: unknown) => {
        throw faultOf(thrown, keyName);
      });
      if (Plaintext === undefined) throw faultOf(new Error("it gave no plaintext"), keyName);
      return Plaintext;
    },
  };
}

function faultOf(thrown: unknown, keyName: string): AgentError {
  if (thrown instanceof KMSServiceException && FINAL.includes(thrown.name)) {
    return refusedKey(`KMS says ${thrown.name} for ${keyName}`, thrown);
  }
  return new AgentError("input.unavailable", {
    what: `KMS does not unwrap a data key with ${keyName}: ${messageOf(thrown)}`,
    remedy:
      "see that the consumer may call kms:Decrypt with that key, that the key is enabled, and that KMS can be reached",
    cause: thrown,
  });
}

function refusedKey(what: string, cause?: unknown): AgentError {
  return new AgentError("input.refused", {
    what: `the data key of the payload cannot be unwrapped: ${what}`,
    remedy: "compare the keys that the consumer asks with encode.encryption of the vehicle",
    cause,
  });
}
