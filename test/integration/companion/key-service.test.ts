import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KMSClient } from "@aws-sdk/client-kms";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Authority } from "../../../agent/commands/authority.ts";
import { signedText } from "../../../agent/commands/canonical.ts";
import { KeySet } from "../../../agent/commands/key-set.ts";
import { readRequest } from "../../../agent/commands/request.ts";
import { kmsSigner } from "../../../agent/companion/commands/kms-signer.ts";
import { signedRequest } from "../../../agent/companion/commands/signer.ts";
import { KeyService } from "../../bench/cloud/key-service.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";

describe("a signing key in KMS", () => {
  let folder: string;
  let service: KeyService;
  let client: KMSClient;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-kms-"));
    service = await KeyService.start();
    const credentials = { accessKeyId: "test", secretAccessKey: "test" };
    const endpoint = service.endpoint.url;
    client = new KMSClient({ endpoint, region: "eu-central-1", credentials, maxAttempts: 1 });
  });
  afterAll(() => {
    client.destroy();
    service.endpoint.stop();
    rmSync(folder, { recursive: true });
  });
  const signer = (arn = service.arn) => kmsSigner("companion", arn, client);

  const fields = {
    id: "id-1",
    thing: "truck-7",
    action: "doors.lock",
    arguments: {},
    notBeforeMs: 1000,
    expiresAtMs: 31_000,
    counter: 1,
  };

  it("makes a signature that openssl verifies over the very text", async () => {
    const text = signedText(fields);
    const signature = await signer().sign(text);
    const file = (name: string, content: string | Uint8Array): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const key = file("key.pem", service.publicKey.export({ format: "pem", type: "spki" }));
    const signed = file("signature", Buffer.from(signature, "base64"));
    const verify = (content: string): string =>
      execFileSync("openssl", ["dgst", "-sha256", "-verify", key, "-signature", signed, file("text", content)], {
        stdio: "pipe",
      }).toString();
    expect(verify(text)).toBe("Verified OK\n");
    expect(() => verify(`${text} `)).toThrow(/Command failed/);
    expect(service.endpoint.heard).toHaveLength(1);
  });

  it("makes requests that a vehicle's own authority lets pass, each counter once", async () => {
    const payload = new TextEncoder().encode(await signedRequest(fields, signer()));
    const reply = { channel: "companion", request: "id-1", format: "json" } as const;
    const read = readRequest({ id: "id-1", payload, format: "json", reply, restOfLifeMs: undefined }, 4096);
    if (read.kind !== "request") throw new Error(read.description);
    const seal = {
      generation: () => 1,
      note: () => undefined,
      settle: () => undefined,
      advance: () => Promise.resolve(),
    };
    const clock = new ManualClock();
    const pinned = service.pinned("companion");
    const keys = new KeySet([pinned], new FakeJournal({ clock }), seal);
    const classes = { R0: { signature: false }, R1: { signature: false } };
    const allow = [{ action: "doors.*", ratePerMinute: 60, signature: true, keys: ["companion"] }];
    const authority = new Authority({ schemaVersion: 1, keys: [pinned], allow, classes }, keys, clock);
    const action = { name: "doors.lock", commandClass: "R3", keyRole: "commands" } as const;
    const grant = authority.authorise(read.request, action);
    expect(grant).toMatchObject({ kind: "granted", signed: { keyId: "companion", counter: 1 } });
    if (grant.kind === "granted") authority.use(grant);
    expect(authority.authorise(read.request, action)).toMatchObject({ kind: "rejected", code: "COUNTER_REPLAYED" });
    const changed = { ...read.request, action: "doors.unlock" };
    expect(authority.authorise(changed, { ...action, name: "doors.unlock" })).toMatchObject({
      code: "SIGNATURE_INVALID",
    });
  });

  it("rejects with the service's fault, which holds nothing of the text", async () => {
    const refused = signer("arn:aws:kms:eu-central-1:1:key/other").sign(signedText(fields));
    await expect(refused).rejects.toThrow(expect.objectContaining({ name: "ValidationException" }));
  });
});
