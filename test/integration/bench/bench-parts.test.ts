import { execFile } from "node:child_process";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startMosquitto } from "../../bench/broker/mosquitto.ts";
import { startAuthority } from "../../bench/cloud/authority-process.ts";
import { createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { startTpm } from "../../bench/tpm/tpm.ts";

const run = promisify(execFile);

describe("the bench's certificate authority", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-ca-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("issues server and client certificates that openssl verifies for their purpose and name", async () => {
    const authority = createAuthority(folder);
    const server = writeIdentity(
      folder,
      "server",
      await authority.issue({
        commonName: "localhost",
        usage: "server",
        subjectAltNames: [
          { kind: "dns", value: "localhost" },
          { kind: "ip", value: "127.0.0.1" },
        ],
      }),
    );
    const client = writeIdentity(folder, "client", await authority.issue({ commonName: "Gerät-1", usage: "client" }));
    const verify = ["verify", "-x509_strict", "-CAfile", authority.caFile];
    await run("openssl", [...verify, "-purpose", "sslserver", "-verify_ip", "127.0.0.1", server.certificateFile]);
    await run("openssl", [...verify, "-purpose", "sslserver", "-verify_hostname", "localhost", server.certificateFile]);
    await run("openssl", [...verify, "-purpose", "sslclient", client.certificateFile]);
    await expect(run("openssl", [...verify, "-purpose", "sslserver", client.certificateFile])).rejects.toThrow(
      /purpose/,
    );
    const subject = await run("openssl", [
      "x509",
      "-in",
      client.certificateFile,
      "-noout",
      "-subject",
      "-nameopt",
      "utf8",
    ]);
    expect(subject.stdout).toContain("Gerät-1");
    expect((await stat(client.keyFile)).mode & 0o777).toBe(0o600);
  });

  it("makes an expired certificate when asked for a negative life", async () => {
    const authority = createAuthority(folder);
    const old = writeIdentity(folder, "old", await authority.issue({ commonName: "old", usage: "client", days: -1 }));
    await expect(run("openssl", ["verify", "-CAfile", authority.caFile, old.certificateFile])).rejects.toThrow(
      /expired/,
    );
  });

  it("works in a process of its own", async () => {
    const authority = await startAuthority(folder, folder);
    try {
      const issued = await authority.issue({ commonName: "remote", usage: "client", days: 1 });
      const { certificateFile } = writeIdentity(folder, "remote", issued);
      await run("openssl", ["verify", "-CAfile", authority.caFile, certificateFile]);
    } finally {
      await authority.stop();
    }
  });
});

describe("the bench's broker and TPM", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-parts-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("lets a thing publish its own records only, and a consumer read them", async () => {
    const authority = createAuthority(join(folder, "certs"));
    const broker = await startMosquitto({ folder: join(folder, "mosquitto"), authority, things: ["veh-1", "veh-2"] });
    try {
      const thing = await authority.issue({ commonName: "veh-1", usage: "client" });
      const consumer = await authority.issue({ commonName: "consumer", usage: "client" });
      const common = ["-h", broker.host, "-p", `${broker.port}`, "--cafile", broker.caFile, "-q", "1", "-V", "mqttv5"];
      const as = (files: { certificateFile: string; keyFile: string }): string[] => [
        ...common,
        "--cert",
        files.certificateFile,
        "--key",
        files.keyFile,
      ];
      const device = as(writeIdentity(folder, "veh-1", thing));
      const reader = as(writeIdentity(folder, "consumer", consumer));
      // Retained, so that the order of publishing and subscribing does not matter.
      await run("mosquitto_pub", [...device, "-r", "-t", "dt/causeway/veh-1/telemetry", "-m", "mine"]);
      const other = await run("mosquitto_pub", [
        ...device,
        "-r",
        "-t",
        "dt/causeway/veh-2/telemetry",
        "-m",
        "alien",
      ]).catch((error: unknown) => ({ stderr: String(error) }));
      expect(other.stderr).toMatch(/not authorized|135/i);
      await broker.restart();
      const got = await run("mosquitto_sub", [...reader, "-t", "dt/causeway/+/telemetry", "-C", "1", "-W", "10", "-v"]);
      expect(got.stdout.trim()).toBe("dt/causeway/veh-1/telemetry mine");
    } finally {
      await broker.stop();
    }
  });

  it("holds a private key in a token that power cuts do not lock, and keeps store and PIN to itself", async () => {
    const tpm = await startTpm({ folder: join(folder, "tpm") });
    try {
      expect(tpm.publicKeyPem).toMatch(/^-----BEGIN PUBLIC KEY-----/);
      expect((await stat(tpm.storeDir)).mode & 0o777).toBe(0o700);
      expect((await stat(join(tpm.storeDir, "tpm2_pkcs11.sqlite3"))).mode & 0o777).toBe(0o600);
      expect((await stat(tpm.pinFile)).mode & 0o777).toBe(0o600);
      const keys = await tpm.keys.list();
      expect(keys.map(({ label, problems }) => ({ label, problems: problems }))).toEqual([
        { label: tpm.keyLabel, problems: [] },
      ]);
      expect((await tpm.keys.inspect()).token).toEqual({ isPresent: true, problems: [] });
    } finally {
      await tpm.stop();
    }
  });
});
