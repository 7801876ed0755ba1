import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { brokerSettings } from "../../../../agent/consumer/mqtt/broker-settings.ts";
import { createMqttClient } from "../../../../agent/consumer/mqtt/client.ts";
import { createAuthority, writeIdentity } from "../../../bench/cloud/certificate-authority.ts";

describe("createMqttClient", () => {
  let folder: string;
  let caFile: string;
  let files: { readonly certificateFile: string; readonly keyFile: string };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "causeway-consumer-client-"));
    const authority = createAuthority(join(folder, "ca"));
    ({ caFile } = authority);
    files = writeIdentity(folder, "worker", await authority.issue({ commonName: "consumer", usage: "client" }));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("says in words why a key cannot be used with the certificate", () => {
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const keyFile = join(folder, "other.key");
    writeFileSync(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }));
    const made = (key: string) => () =>
      createMqttClient(brokerSettings.parse({ host: "localhost", caFile, ...files, keyFile: key }), "worker-1");
    expect(made(keyFile)).toThrow(/its key cannot be used: it is the key of another certificate$/);
    writeFileSync(keyFile, "nothing");
    expect(made(keyFile)).toThrow(/its key cannot be used: it is no key in a form that is known$/);
    expect(made(join(folder, "none.key"))).toThrow(/cannot read .*none\.key/);
  });
});
