import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brokerConfig } from "../../../../../config/broker.ts";
import { fileIdentity } from "../../../../../drivers/aws/identity/file-identity.ts";
import { createAuthority } from "../../../../bench/cloud/certificate-authority.ts";

const PASSPHRASE = "of this test alone";

describe("fileIdentity", () => {
  let folder: string;
  let caFile: string;
  let certificatePem: string;
  let keyPem: string;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-file-identity-"));
    const authority = createAuthority(join(folder, "ca"));
    ({ caFile } = authority);
    const issued = await authority.issue({ commonName: "veh-1", usage: "client" });
    certificatePem = issued.certificatePem;
    keyPem = issued.privateKeyPem ?? "";
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function opened(key: string, certificate = certificatePem): Promise<unknown> {
    const files = { certificateFile: join(folder, "device.pem"), keyFile: join(folder, "device.key") };
    writeFileSync(files.certificateFile, certificate);
    writeFileSync(files.keyFile, key);
    const broker = brokerConfig.parse({ host: "localhost", caFile });
    return fileIdentity(files, broker).openContext(new AbortController().signal);
  }

  it("takes the key of its certificate", async () => {
    await expect(opened(keyPem)).resolves.toBeDefined();
  });

  it("says in words what is wrong with a key, and with a certificate", async () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const other = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const locked = privateKey.export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: PASSPHRASE });
    await expect(opened(other)).rejects.toThrow(/: it is the key of another certificate$/);
    await expect(opened(locked.toString())).rejects.toThrow(/: it has a passphrase$/);
    await expect(opened("nothing")).rejects.toThrow(/: it is no key in a form that is known$/);
    await expect(opened(keyPem, "nothing")).rejects.toThrow(/: there is no such block of PEM in it$/);
  });
});
