import { type SignedFields, signedText } from "../../commands/canonical.ts";

/**
 * Signs commands with a key that the cloud account of the vehicles cannot reach: whoever holds that account alone can move no vehicle.
 * Vehicles pin the public key under `keyId` in their command policy.
 */
export interface CommandSigner {
  readonly keyId: string;
  /** base64 of the signature over the text, UTF-8, as agent/core/public-key.ts verifies it. Rejects with what the key's holder throws. */
  sign(text: string): Promise<string>;
}

/** The bytes of a signed request, as agent/commands/request.ts reads it. */
export async function signedRequest(fields: SignedFields, signer: CommandSigner): Promise<string> {
  const signature = { key: signer.keyId, value: await signer.sign(signedText(fields)) };
  return JSON.stringify({ schemaVersion: 1, ...fields, signature });
}
