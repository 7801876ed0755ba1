import { constants, privateDecrypt } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { KMSClient } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { kmsUnwrapper } from "../../../../agent/consumer/kms/kms-unwrapper.ts";
import { parseMessage } from "../../../../agent/telemetry/record/envelope/decrypt-message.ts";
import { encryptedRecordReader } from "../../../../agent/telemetry/record/read/record-decrypter.ts";
import { createRecordReader } from "../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../config/proto/descriptor.ts";
import { encrypterOf, wrappingPair } from "../../../fakes/telemetry/encryption.ts";
import { encoderOf, idOf } from "../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../fakes/telemetry/table.ts";

const ARN = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const pair = wrappingPair();
const decryptRequest = z.strictObject({
  KeyId: z.string(),
  CiphertextBlob: z.base64(),
  EncryptionAlgorithm: z.literal("RSAES_OAEP_SHA_256"),
});

/** KMS over HTTP, with one key, as its API reference has Decrypt (AWS JSON 1.1, target TrentService.Decrypt). */
class KmsServer {
  answer: { readonly status: number; readonly type: string } | undefined;
  requests = 0;
  #server: Server | undefined;

  async start(): Promise<KMSClient> {
    const server = createServer((request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        this.requests += 1;
        const [status, body] = this.#respond(String(request.headers["x-amz-target"]), Buffer.concat(parts).toString());
        response.writeHead(status, { "content-type": "application/x-amz-json-1.1" }).end(JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.#server = server;
    const { port } = z.custom<AddressInfo>((value) => typeof value === "object").parse(server.address());
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    return new KMSClient({ endpoint: `http://127.0.0.1:${port}`, region: "eu-central-1", credentials, maxAttempts: 1 });
  }

  stop(): void {
    this.#server?.close();
  }

  #respond(target: string, body: string): readonly [number, object] {
    if (this.answer !== undefined) return [this.answer.status, { __type: this.answer.type, message: "on purpose" }];
    const { KeyId, CiphertextBlob } = decryptRequest.parse(JSON.parse(body));
    if (target !== "TrentService.Decrypt" || KeyId !== ARN) return [400, { __type: "NotFoundException" }];
    try {
      const { RSA_PKCS1_OAEP_PADDING: padding } = constants;
      const key = { key: pair.privateKey, padding, oaepHash: "sha256" };
      const plain = privateDecrypt(key, Buffer.from(CiphertextBlob, "base64"));
      return [200, { KeyId, Plaintext: plain.toString("base64"), EncryptionAlgorithm: "RSAES_OAEP_SHA_256" }];
    } catch {
      return [400, { __type: "InvalidCiphertextException" }];
    }
  }
}

describe("data keys that KMS unwraps", () => {
  const server = new KmsServer();
  let client: KMSClient;
  beforeAll(async () => {
    client = await server.start();
  });
  afterAll(() => {
    client.destroy();
    server.stop();
  });

  const encoder = encoderOf(tableOf([]), {}, encrypterOf(pair, { keyName: ARN }));
  const payload = encoder.notice({ event: "x.y", detail: "z" }).seal(idOf(1, "event"));
  const reader = () =>
    encryptedRecordReader(createRecordReader(readDescriptor()), kmsUnwrapper({ client, keyArns: [ARN] }));

  it("open records, and KMS is asked once for many", async () => {
    const before = server.requests;
    const one = reader();
    for (const _ of [1, 2, 3]) expect(await one.decode(payload)).toMatchObject({ seq: 1, body: { kind: "notice" } });
    expect(server.requests).toBe(before + 1);
  });

  it("are refused for good where KMS says that they are not of its key, or the key is none of ours", async () => {
    const [{ bytes }] = parseMessage(payload).wrappedKeys;
    const unwrapper = kmsUnwrapper({ client, keyArns: [ARN] });
    const changed = Uint8Array.from(bytes);
    changed[9] ^= 1;
    await expect(unwrapper.unwrap(changed, "causeway", ARN)).rejects.toMatchObject({ code: "input.refused" });
    const before = server.requests;
    const foreign = "arn:aws:kms:eu-central-1:999988887777:key/of-somebody-else";
    await expect(unwrapper.unwrap(bytes, "causeway", foreign)).rejects.toMatchObject({ code: "input.refused" });
    expect(server.requests).toBe(before);
  });

  it.each([
    [400, "ThrottlingException"],
    [400, "AccessDeniedException"],
    [400, "DisabledException"],
    [500, "KMSInternalException"],
  ])("may come later where KMS answers %d %s", async (status, type) => {
    server.answer = { status, type };
    await expect(reader().decode(payload)).rejects.toMatchObject({ code: "input.unavailable" });
    server.answer = undefined;
    expect(await reader().decode(payload)).toMatchObject({ seq: 1 });
  });
});
