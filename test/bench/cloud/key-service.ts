import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { z } from "zod";
import type { PublicKey } from "../../../agent/core/public-key.ts";
import { AwsEndpoint, type ServiceAnswer, type ServiceRequest } from "./aws-endpoint.ts";

const ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/** Sign in the JSON protocol of KMS (API reference): what the companion may ask for, and nothing else. */
const signBody = z.strictObject({
  KeyId: z.literal(ARN),
  Message: z.base64().refine((text) => Buffer.from(text, "base64").length <= 4096),
  MessageType: z.literal("RAW"),
  SigningAlgorithm: z.literal("ECDSA_SHA_256"),
});

/** AWS KMS with one key, ECC_NIST_P256, that is made when it starts. */
export class KeyService {
  readonly arn = ARN;
  readonly endpoint: AwsEndpoint;
  readonly publicKey: KeyObject;

  private constructor(endpoint: AwsEndpoint, publicKey: KeyObject) {
    this.endpoint = endpoint;
    this.publicKey = publicKey;
  }

  static async start(): Promise<KeyService> {
    const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return new KeyService(await AwsEndpoint.start((request) => signed(request, privateKey)), publicKey);
  }

  /** The key as a vehicle pins it. */
  pinned(id: string): PublicKey {
    const publicKey = this.publicKey.export({ format: "der", type: "spki" }).toString("base64");
    return { id, algorithm: "es256", publicKey, role: "commands" };
  }
}

function signed({ headers, body }: ServiceRequest, privateKey: KeyObject): ServiceAnswer {
  const read = signBody.safeParse(JSON.parse(body.toString()));
  if (headers["x-amz-target"] !== "TrentService.Sign" || !read.success) {
    return { status: 400, body: { __type: "ValidationException", message: "no" } };
  }
  // Node's form of an ECDSA signature is DER, as that of KMS.
  const Signature = sign("sha256", Buffer.from(read.data.Message, "base64"), privateKey).toString("base64");
  return { status: 200, body: { KeyId: ARN, Signature, SigningAlgorithm: "ECDSA_SHA_256" } };
}
