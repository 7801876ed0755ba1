import { createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { CHOICES, EVERYTHING } from "../../../../config/example-values.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { CA_PEM } from "../../../fakes/daemon/ca.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";
import { wrappingPair } from "../../../fakes/telemetry/encryption.ts";

/** Runs `config validate` on the example's choices with the updates of `ota`, where these files are beside it. */
async function validate(files: Readonly<Record<string, string>>, ota?: unknown, encode?: unknown): Promise<string> {
  const folder = temporaryFolder();
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const settings = {
    ...CHOICES,
    dbc: [],
    collect: {},
    ...(ota === undefined ? {} : { ota }),
    ...(encode === undefined ? {} : { encode }),
  };
  writeFileSync(join(folder, "agent.yaml"), stringify(settings));
  return (await runCli(["config", "validate", "--config", join(folder, "agent.yaml")])).stdout;
}

const OTA = { ...EVERYTHING.ota, gate: { condition: { signals: {}, all: ["true"] } } };

describe("causeway config validate", () => {
  it("takes root certificates, one or several", async () => {
    expect(await validate({ "ca.pem": CA_PEM })).toContain("valid");
    expect(await validate({ "ca.pem": `# both of ours\n${CA_PEM}${CA_PEM}` })).toContain("valid");
  });

  it.each([
    [{}, /agent\.yaml:\d+:\d+ broker\.caFile cannot be read: .*ca\.pem: no such file or folder$/m],
    [{ "ca.pem": "" }, /broker\.caFile .*ca\.pem: no certificate in it/],
    [{ "ca.pem": CA_PEM.slice(0, -40) }, /broker\.caFile .*ca\.pem: no certificate in it/],
    [
      { "ca.pem": CA_PEM + CA_PEM.replace("\nMII", "\nMIJ") },
      /broker\.caFile .*ca\.pem: certificate 2 of 2 is damaged/,
    ],
    [
      { "ca.pem": "x".repeat(4_200_000) },
      /broker\.caFile .*ca\.pem: 4200000 bytes, more than the 4194304 that are read/,
    ],
  ])("refuses root certificates that cannot be used, as run does: %#", async (files, problem) => {
    await expect(validate(files)).rejects.toThrow(problem);
  });

  it("refuses a trust root of updates that is missing or none, and certificates of the server likewise", async () => {
    const own = { "ca.pem": CA_PEM };
    await expect(validate({ ...own, "download-ca.pem": CA_PEM }, OTA)).rejects.toThrow(
      /agent\.yaml:\d+:\d+ ota\.rootFile .*root\.1\.json: no such file or folder/,
    );
    await expect(validate({ ...own, "download-ca.pem": CA_PEM, "root.1.json": "{}" }, OTA)).rejects.toThrow(
      /ota\.rootFile/,
    );
    await expect(validate({ ...own, "root.1.json": "{}" }, OTA)).rejects.toThrow(
      /ota\.download\.caFile cannot be read/,
    );
  });
});

describe("the public key that wraps data keys", () => {
  const encode = { encryption: { publicKeyFile: "records.pem", keyName: "records" } };
  const withKey = (text: string): Promise<string> =>
    validate({ "ca.pem": CA_PEM, "records.pem": text }, undefined, encode);
  const pair = wrappingPair();

  it("is taken as SPKI and as PKCS#1", async () => {
    expect(await withKey(pair.publicKey)).toContain("valid");
    expect(
      await withKey(createPublicKey(pair.publicKey).export({ type: "pkcs1", format: "pem" }).toString()),
    ).toContain("valid");
  });

  it.each(["pkcs8", "pkcs1"] as const)(
    "is refused loudly where it is the private key (%s), which is not quoted",
    async (type) => {
      const secret = createPrivateKey(pair.privateKey).export({ type, format: "pem" }).toString();
      const fault = await withKey(secret).catch(String);
      expect(fault).toMatch(/agent\.yaml:\d+:\d+ encode\.encryption\.publicKeyFile .*records\.pem holds a PRIVATE KEY/);
      expect(fault).not.toContain(secret.split("\n")[1]);
      await expect(withKey(pair.publicKey + secret)).rejects.toThrow("PRIVATE KEY");
    },
  );

  it("is refused where it is none, another kind, too short, too long, or has a small exponent", async () => {
    const ec = generateKeyPairSync("ec", { namedCurve: "P-256" })
      .publicKey.export({ type: "spki", format: "pem" })
      .toString();
    const small = generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 });
    const cases = [
      ["", "is not one public key as PEM"],
      ["x".repeat(20_000), "20000 bytes, which no public key has"],
      [CA_PEM, "is a certificate, not a key"],
      [pair.publicKey + pair.publicKey, "is not one public key as PEM"],
      [pair.publicKey.replace("\nMII", "\nMIJ"), "is damaged"],
      [ec, "is a key for ec, not for RSA"],
      [wrappingPair(1024).publicKey, "has 1024 bits, not 2048 to 4096"],
      [small.publicKey.export({ type: "spki", format: "pem" }).toString(), "has the exponent 3"],
    ] as const;
    for (const [text, problem] of cases) await expect(withKey(text)).rejects.toThrow(problem);
    await expect(validate({ "ca.pem": CA_PEM }, undefined, encode)).rejects.toThrow("records.pem cannot be read");
  });

  it.each(["aws-kms", "aws-kms-rsa"])("has not the namespace %s", async (keyNamespace) => {
    const named = { encryption: { ...encode.encryption, keyNamespace } };
    await expect(validate({ "ca.pem": CA_PEM }, undefined, named)).rejects.toThrow("must not begin with aws-kms");
  });
});
