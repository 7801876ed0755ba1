import { type KMSClient, SignCommand } from "@aws-sdk/client-kms";
import type { CommandSigner } from "./signer.ts";

/**
 * A key of AWS KMS, ECC_NIST_P256, by its ARN: of another account than the vehicles' one, which may allow no more than kms:Sign with it.
 * KMS hashes the text itself (MessageType RAW, at most 4096 bytes) and answers with the DER form of ECDSA (ANS X9.62), which is the
 * one that vehicles verify.
 */
export function kmsSigner(keyId: string, keyArn: string, client: Pick<KMSClient, "send">): CommandSigner {
  return {
    keyId,
    sign: async (text) => {
      const { Signature } = await client.send(
        new SignCommand({
          KeyId: keyArn,
          Message: new TextEncoder().encode(text),
          MessageType: "RAW",
          SigningAlgorithm: "ECDSA_SHA_256",
        }),
      );
      if (Signature === undefined) throw new Error("KMS answered without a signature");
      return Buffer.from(Signature).toString("base64");
    },
  };
}
