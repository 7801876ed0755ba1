import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { writeTarGz } from "../../fakes/updates/tar.ts";

const TOOL = join(import.meta.dirname, "../../../scripts/causeway-sign.ts");
const EXPIRES = "2200-01-01T00:00:00Z";

let folder = "";

function run(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [TOOL, ...args], { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
}

function good(...args: readonly string[]): string {
  const { status, stdout, stderr } = run(...args);
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.trim();
}

function expectRefused(
  { status, stderr }: { readonly status: number | null; readonly stderr: string },
  reason: string,
): void {
  expect(status).toBe(1);
  expect(stderr).toContain(reason);
}

function openssl(...args: readonly string[]): string {
  return execFileSync("openssl", args, { cwd: folder, encoding: "utf8" });
}

/** The raw signature of the only signer. */
function extractSignature(file: string): void {
  const list: unknown = JSON.parse(readFileSync(join(folder, `${file}.sig`), "utf8"));
  const [, value = ""] = /"value":"([^"]+)"/.exec(JSON.stringify(list)) ?? [];
  writeFileSync(join(folder, "raw.sig"), Buffer.from(value, "base64"));
}

function makeManifest(file = "manifest.json"): void {
  writeTarGz(join(folder, "agent.tar.gz"), [{ name: "agent/main.js", content: "code" }]);
  const what = ["--component", "agent", "--release", "1.4.0", "--sequence-number", "14", "--expires", EXPIRES];
  const where = ["--hardware", "gateway-2", "--agent-at-least", "0.1.0", "--artifact", "agent:1.4.0:agent.tar.gz"];
  good("manifest", file, ...what, ...where);
}

const kit = mkdtempSync(join(tmpdir(), "causeway-sign-"));

beforeAll(() => {
  folder = kit;
  good("key", "new", "root.pem");
  good("key", "new", "release.pem", "--algorithm", "ecdsa-p256");
  const keys = ["--root-key", "root.pem.pub", "--release-key", "release.pem.pub"];
  good("root", "new", "root.1.json", ...keys, "--expires", EXPIRES);
  good("sign", "root.1.json", "--key", "root.pem");
});

afterAll(() => rmSync(kit, { recursive: true }));

beforeEach(() => {
  folder = temporaryFolder();
  cpSync(kit, folder, { recursive: true });
});

describe("causeway-sign", { timeout: 60_000 }, () => {
  it.each([
    "key new",
    "key id",
    "root new",
    "root rotate",
    "root verify",
    "manifest",
    "sign",
    "attach",
    "command",
    "verify",
  ])("shows an example of %s with options that there are, within 80 columns", (verb) => {
    const help = good(...verb.split(" "), "--help");
    const [usage = "", example = ""] = help.split(/\nExamples?:\n/);
    expect(example).toContain(`causeway-sign ${verb} `);
    for (const [option] of example.matchAll(/--[a-z-]+/g)) expect(usage).toContain(`${option} `);
    expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("keeps private keys to their owner and overwrites nothing", () => {
    expect(statSync(join(folder, "root.pem")).mode & 0o777).toBe(0o600);
    const { status, stderr } = run("key", "new", "root.pem");
    expect(status).toBe(1);
    expect(stderr).toContain("root.pem exists already");
  });

  it("makes signatures that openssl verifies over the file as it is", () => {
    makeManifest();
    good("sign", "manifest.json", "--key", "release.pem");
    extractSignature("manifest.json");
    expect(
      openssl("dgst", "-sha256", "-verify", "release.pem.pub", "-signature", "raw.sig", "manifest.json"),
    ).toContain("Verified OK");
    extractSignature("root.1.json");
    const args = ["-verify", "-pubin", "-inkey", "root.pem.pub", "-rawin", "-in", "root.1.json", "-sigfile", "raw.sig"];
    expect(openssl("pkeyutl", ...args)).toContain("Verified Successfully");
  });

  it("takes a signature that openssl made, and no other", () => {
    makeManifest();
    openssl("dgst", "-sha256", "-sign", "release.pem", "-out", "made.sig", "manifest.json");
    good("attach", "manifest.json", "--public-key", "release.pem.pub", "--signature", "made.sig");
    expect(good("verify", "manifest.json", "--root", "root.1.json", "--hardware", "gateway-2")).toMatch(
      /^manifest\.json: good: agent 1\.4\.0, sequence number 14, digest [0-9a-f]{64}\n {2}agent agent\.tar\.gz, \d+ bytes$/,
    );
    writeFileSync(join(folder, "made.sig"), "nonsense");
    expect(run("attach", "manifest.json", "--public-key", "release.pem.pub", "--signature", "made.sig").status).toBe(
      65,
    );
  });

  it("describes artifacts by size and the SHA-256 that sha256sum gives", () => {
    makeManifest();
    const [sum] = execFileSync("sha256sum", ["agent.tar.gz"], { cwd: folder, encoding: "utf8" }).split(" ");
    const manifest: unknown = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
    const { size: sizeBytes } = statSync(join(folder, "agent.tar.gz"));
    expect(manifest).toMatchObject({ artifacts: [{ name: "agent.tar.gz", kind: "agent", sizeBytes, sha256: sum }] });
  });

  it("signs no archive that vehicles would not unpack, and says how to pack it", () => {
    writeFileSync(join(folder, "agent.tar.xz"), Buffer.from("fd377a585a000004e6d6b446", "hex"));
    const what = ["--component", "agent", "--release", "1.4.0", "--sequence-number", "14", "--expires", EXPIRES];
    const where = ["--hardware", "gateway-2", "--agent-at-least", "0.1.0", "--artifact", "agent:1.4.0:agent.tar.xz"];
    const { status, stderr } = run("manifest", "other.json", ...what, ...where);
    expect(status).toBe(65);
    expect(stderr).toContain("agent.tar.xz: it is an archive of another kind (xz)");
    expect(stderr).toContain("remedy: pack it as tar with gzip or zstd");
    expect(existsSync(join(folder, "other.json"))).toBe(false);
  });

  it("ends with 1 and the reason when a manifest is not to be trusted", () => {
    makeManifest();
    const args = ["verify", "manifest.json", "--root", "root.1.json", "--hardware", "gateway-2"];
    expectRefused(run(...args), "unsigned");
    good("sign", "manifest.json", "--key", "root.pem");
    expectRefused(run(...args), "unsigned");
  });

  it("rotates: the next root revokes the release key, and is signed by both roots' keys", () => {
    makeManifest();
    good("sign", "manifest.json", "--key", "release.pem");
    good("key", "new", "root-b.pem");
    good("key", "new", "release-b.pem");
    const keys = ["--root-key", "root-b.pem.pub", "--release-key", "release-b.pem.pub", "--revoke", "release.pem.pub"];
    good("root", "rotate", "root.1.json", "root.2.json", ...keys, "--expires", EXPIRES);
    good("sign", "root.2.json", "--key", "root-b.pem");
    expect(run("root", "verify", "root.1.json", "root.2.json").stderr).toContain("root.2.json: unsigned");
    good("sign", "root.2.json", "--key", "root.pem");
    expect(good("root", "verify", "root.1.json", "root.2.json")).toContain("root 2: good");

    const args = ["--root", "root.1.json", "--next", "root.2.json", "--hardware", "gateway-2"];
    expect(run("verify", "manifest.json", ...args).stderr).toContain("key-revoked");
    makeManifest("manifest-b.json");
    good("sign", "manifest-b.json", "--key", "release-b.pem");
    expect(good("verify", "manifest-b.json", ...args)).toContain("good");
  });

  it("opens an encrypted key with the passphrase in a file, and tells a wrong one without showing it", () => {
    makeManifest();
    writeFileSync(join(folder, "phrase"), "correct horse\n");
    writeFileSync(join(folder, "wrong"), "battery staple\n");
    good("key", "new", "locked.pem", "--passphrase-file", "phrase");
    expect(readFileSync(join(folder, "locked.pem"), "utf8")).toContain("ENCRYPTED");
    good("sign", "manifest.json", "--key", "locked.pem", "--passphrase-file", "phrase");
    const { status, stderr } = run("sign", "manifest.json", "--key", "locked.pem", "--passphrase-file", "wrong");
    expect(status).toBe(65);
    expect(stderr).not.toContain("battery");
  });

  it("answers --help with an example, and a misspelt verb with 64", () => {
    expect(good("--help")).toContain("Typical use");
    expect(run("sing").status).toBe(64);
  });
});

describe("causeway-sign command", () => {
  it("makes a request whose signature OpenSSL verifies over the text that is documented", () => {
    good("key", "new", "operations.pem");
    writeFileSync(join(folder, "lock.json"), '{"action":"doors.lock","arguments":{}}');
    const options = ["--key", "operations.pem", "--key-name", "operations-2026", "--thing", "truck-0001"];
    const text = good("command", "lock.json", ...options, "--counter", "42", "--seconds", "30");
    const fields = z
      .object({
        id: z.string(),
        notBeforeMs: z.number(),
        expiresAtMs: z.number(),
        signature: z.object({ key: z.literal("operations-2026"), value: z.string() }),
      })
      .parse(JSON.parse(text));
    expect(JSON.parse(text)).toMatchObject({
      schemaVersion: 1,
      thing: "truck-0001",
      action: "doors.lock",
      counter: 42,
    });
    expect(fields.expiresAtMs - fields.notBeforeMs).toBe(30_000);
    // SHA-256 of "{}" by sha256sum.
    const digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    const signed = `causeway-command 1\nid=${fields.id}\nthing=truck-0001\naction=doors.lock\narguments=${digest}\nnot-before=${fields.notBeforeMs}\nexpires=${fields.expiresAtMs}\ncounter=42\n`;
    writeFileSync(join(folder, "text"), signed);
    writeFileSync(join(folder, "raw"), Buffer.from(fields.signature.value, "base64"));
    const files = ["-inkey", "operations.pem.pub", "-in", "text", "-sigfile", "raw"];
    expect(openssl("pkeyutl", "-verify", "-pubin", "-rawin", ...files)).toContain("Verified Successfully");
  });

  it("says what is missing in a request", () => {
    good("key", "new", "operations.pem");
    const options = ["--key", "operations.pem", "--key-name", "operations-2026"];
    writeFileSync(join(folder, "lock.json"), '{"action":"doors.lock"}');
    expect(run("command", "lock.json", ...options)).toMatchObject({ status: 65 });
    expect(run("command", "lock.json", ...options).stderr).toContain("it names no thing");
    writeFileSync(join(folder, "lock.json"), "lock");
    expect(run("command", "lock.json", ...options).stderr).toContain("not JSON");
  });
});
