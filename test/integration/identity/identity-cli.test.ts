import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { systemClock, type TimeSourceParts } from "../../../drivers/os/time-source.ts";
import { TokenStore } from "../../../drivers/tpm/store/store.ts";
import { type Authority, createAuthority } from "../../bench/cloud/certificate-authority.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { runTool } from "../../bench/tpm/tpm-tools.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { bytesOf, runCli } from "../../fakes/daemon/cli-runner.ts";

const run = promisify(execFile);
const created = z.object({
  token: z.string(),
  key: z.object({ publicKeyPem: z.string(), problems: z.array(z.string()) }),
});
const doctorReport = z.object({
  ok: z.boolean(),
  conclusion: z.object({ sends: z.boolean() }),
  checks: z.array(z.object({ check: z.string(), verdict: z.string(), what: z.string(), code: z.string().optional() })),
});
/** What one bit in each of the three objects would mean for power cuts and wrong PINs. */
const EXEMPT = /\bnoda\b/;

/** Each verb starts a process for its key work, which takes seconds on a busy machine; some tests need ten of them. */
const TIMEOUT_MS = 120_000;

/** A clock that a time service keeps, as a vehicle in service has one. */
function synchronised(parts: TimeSourceParts = {}): Clock {
  return systemClock({ ...parts, kernelErrorUs: () => 1000 });
}

describe("the identity's verbs, from the first key to the certificate", { timeout: TIMEOUT_MS }, () => {
  let folder: string;
  let tpm: Tpm;
  let authority: Authority;
  let publicKeyPem = "";
  const at = (name: string): string => join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-identity-cli-"));
    authority = createAuthority(at("ca"));
    tpm = await startTpm({ folder: at("tpm") });
  });
  afterAll(async () => {
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  async function configure(name: string, identity: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const file = at(`${name}.yaml`);
    const config = {
      thingName: "veh-001",
      buses: [{ name: "can0", driver: "native", interface: "can0" }],
      broker: { host: "localhost", caFile: authority.caFile },
      identity: {
        mode: "pkcs11",
        tokenLabel: "vehicle",
        keyLabel: "device",
        certificateFile: at("identity/device.pem"),
        pinFile: at("pin"),
        storeDir: at("store"),
        tcti: tpm.tcti,
        serial: "SN-0042",
        csr: { organization: "Ferries", uris: ["urn:vin:{vin}", "urn:thing:{thing}"] },
        ...identity,
      },
    };
    await writeFile(file, stringify(config));
    return file;
  }

  async function causeway(
    args: readonly string[],
    identity?: Readonly<Record<string, unknown>>,
    clock = synchronised(),
    stdin = "",
  ) {
    const config = await configure("agent", identity);
    const environment = { ...process.env, ...tpm.environment };
    return await runCli([...args, "--config", config], { environment, clock, stdin: bytesOf(stdin) });
  }

  async function issue(name: string, request: Partial<Parameters<Authority["issue"]>[0]> = {}): Promise<string> {
    const issued = await authority.issue({ commonName: "veh-001", usage: "client", publicKeyPem, ...request });
    await writeFile(at(`${name}.crt`), issued.certificatePem);
    return at(`${name}.crt`);
  }

  it("makes PIN, token and key with one verb, all of them for this user only", async () => {
    const { stdout } = await causeway(["key", "create", "--json"]);
    const { token, key } = created.parse(JSON.parse(stdout));
    expect([token, key.problems]).toEqual(["made", []]);
    publicKeyPem = key.publicKeyPem;
    expect((await readFile(at("pin"), "utf8")).trim()).toMatch(/^[0-9a-f]{32}$/);
    const modes = ["pin", "store", "store/tpm2_pkcs11.sqlite3"].map((path) => statSync(at(path)).mode & 0o777);
    expect(modes).toEqual([0o600, 0o700, 0o600]);
  });

  it("does not make up a PIN for a token that has one", async () => {
    const pinFile = at("new/pin");
    const fault = await causeway(["key", "create", "second"], { pinFile }).catch((error: unknown) => error);
    expect(fault).toMatchObject({ code: "identity.pin-missing" });
    expect(fault).toHaveProperty("remedy", expect.stringContaining("write the PIN of that token into the file"));
    expect(existsSync(at("new"))).toBe(false);
  });

  it("leaves in the TPM what tpm2_readpublic calls exempt from lockout, and a key that cannot leave", async () => {
    using store = new TokenStore(at("store"));
    const token = store.token("vehicle");
    const [key] = store.keys(token?.id ?? 0);
    if (token?.user === undefined || key === undefined) throw new Error("there is no token or no key");
    await writeFile(at("parent.tr"), token.parent);
    const read = async (name: string, { publicBlob, privateBlob }: typeof token.officer): Promise<string> => {
      await writeFile(at(`${name}.pub`), publicBlob);
      await writeFile(at(`${name}.priv`), privateBlob);
      const tools = { environment: tpm.environment, folder };
      const load = ["-C", "parent.tr", "-u", `${name}.pub`, "-r", `${name}.priv`, "-c", `${name}.ctx`];
      await runTool({ command: "tpm2_load", args: load, ...tools });
      return await runTool({ command: "tpm2_readpublic", args: ["-c", `${name}.ctx`], ...tools });
    };
    expect(await read("key", key)).toContain(
      "value: fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign\n",
    );
    expect(await read("user", token.user)).toMatch(EXEMPT);
    expect(await read("officer", token.officer)).toMatch(EXEMPT);
    const primary = { command: "tpm2_readpublic", args: ["-c", "parent.tr"], environment: tpm.environment, folder };
    expect(await runTool(primary)).toMatch(EXEMPT);
  });

  it("refuses to make the key a second time, and keeps token and key", async () => {
    await expect(causeway(["key", "create"])).rejects.toMatchObject({ code: "identity.key-exists" });
    const { stdout } = await causeway(["key", "list"]);
    expect(stdout).toMatch(/^device +\d+ +ec-p256 +in use +stays in the TPM\n$/);
  });

  it("makes a request that OpenSSL takes, without the name whose variable is not set", async () => {
    await causeway(["csr", "-o", at("device.csr")]);
    const judge = ["req", "-in", at("device.csr"), "-verify", "-noout", "-text", "-nameopt", "utf8,sep_comma_plus"];
    const { stdout, stderr } = await run("openssl", judge);
    expect(stdout + stderr).toContain("verify OK");
    expect(stdout).toContain("Subject: O=Ferries,CN=veh-001,serialNumber=SN-0042");
    expect(stdout).toContain("URI:urn:thing:veh-001\n");
    expect(stdout).not.toContain("urn:vin");
  });

  it("puts an issued certificate into use, once it is known to be for the key", async () => {
    const file = await issue("device");
    await causeway(["cert", "install", file]);
    expect((await readFile(at("identity/device.pem"), "utf8")).trim()).toBe((await readFile(file, "utf8")).trim());
    const { stdout } = await causeway(["cert", "show"]);
    expect(stdout).toMatch(/subject +CN=veh-001\n/);
    expect(stdout).toMatch(/left +364 d 23 h/);
  });

  it("takes the certificate from standard input", async () => {
    const pem = await readFile(await issue("piped"), "utf8");
    await causeway(["cert", "install", "-"], {}, synchronised(), pem);
    expect((await readFile(at("identity/device.pem"), "utf8")).trim()).toBe(pem.trim());
    await expect(causeway(["cert", "install", "-"], {}, synchronised(), "hello")).rejects.toThrow("stdin");
  });

  it("takes a certificate with the authority that issued it", async () => {
    const both = (await readFile(await issue("leaf"), "utf8")) + (await readFile(authority.caFile, "utf8"));
    await writeFile(at("chain.crt"), `subject=CN = veh-001\n${both}`);
    await causeway(["cert", "install", at("chain.crt")]);
    expect(await readFile(at("identity/device.pem"), "utf8")).toBe(both);
  });

  describe("cert install", () => {
    /** The fault of an installation, which must have left the certificate in use as it was. */
    async function rejectionOf(file: string, clock = synchronised()): Promise<AgentError> {
      const before = await readFile(at("identity/device.pem"), "utf8");
      const fault = await causeway(["cert", "install", file], {}, clock).catch((error: unknown) => error);
      if (!(fault instanceof AgentError)) throw new Error("it was put into use");
      expect(await readFile(at("identity/device.pem"), "utf8")).toBe(before);
      return fault;
    }

    it("refuses a certificate for another key", async () => {
      const fault = await rejectionOf(await issue("other", { publicKeyPem: tpm.publicKeyPem }));
      expect(fault.code).toBe("identity.certificate-mismatch");
    });

    it("refuses one whose life is over", async () => {
      expect((await rejectionOf(await issue("old", { days: -1 }))).code).toBe("identity.certificate-expired");
    });

    it("tells a clock that nothing has set from a certificate that is not valid yet", async () => {
      const file = await issue("early");
      const clockAt = (now: string) => synchronised({ timesyncFile: at("none"), wallMs: () => Date.parse(now) });
      expect(
        (await rejectionOf(file, systemClock({ timesyncFile: at("none"), wallMs: () => Date.UTC(1970, 0, 2) }))).code,
      ).toBe("identity.clock-unset");
      const { code } = await rejectionOf(file, clockAt("2025-06-01T00:00:00Z"));
      expect(code).toBe("identity.certificate-not-yet-valid");
    });

    it("refuses a server's certificate, an authority, and a chain in disorder", async () => {
      const server = await rejectionOf(await issue("server", { usage: "server" }));
      expect(server.code).toBe("identity.certificate-unfit");
      expect(server.message).toContain("client authentication");
      expect((await rejectionOf(authority.caFile)).code).toBe("identity.certificate-mismatch");
      const stranger = createAuthority(at("stranger"));
      const mixed = (await readFile(await issue("leaf"), "utf8")) + (await readFile(stranger.caFile, "utf8"));
      await writeFile(at("mixed.crt"), mixed);
      expect((await rejectionOf(at("mixed.crt"))).message).toContain("was not issued by");
      expect((await rejectionOf(at("device.csr"))).message).toContain("no certificate in PEM");
    });
  });

  it("deletes a key that is not in use, and refuses the one that is", async () => {
    await causeway(["key", "create", "next"]);
    await expect(causeway(["key", "delete", "device"])).rejects.toMatchObject({ code: "identity.key-in-use" });
    await causeway(["key", "delete", "next"]);
    await expect(causeway(["key", "delete", "next"])).rejects.toMatchObject({ code: "identity.key-missing" });
    expect((await causeway(["key", "test"])).stdout).toMatch(/signature +[\d.]+ ms, verified/);
  });

  describe("doctor", () => {
    async function examine(identity: Readonly<Record<string, unknown>> = {}) {
      const { stdout, exitCode } = await causeway(["doctor", "--json"], identity);
      const { ok, checks, conclusion } = doctorReport.parse(JSON.parse(stdout));
      const bad = checks.filter(({ verdict }) => verdict !== "pass");
      return { exitCode, ok, conclusion, names: checks.map(({ check }) => check), bad };
    }

    it("passes everything on a good device, whose agent is still to be started", async () => {
      const { exitCode, ok, conclusion, names, bad } = await examine();
      expect(bad).toEqual([]);
      expect([exitCode, ok, conclusion.sends]).toEqual([3, false, false]);
      expect(names).toEqual([
        "clock",
        "pin",
        "store",
        "tpm",
        "lockout",
        "token",
        "module",
        "key",
        "certificate",
        "time",
        "rtc",
        "logs",
      ]);
    });

    it.each([
      [
        "a store that others may read",
        "identity.store-exposed",
        async () => chmod(at("store/tpm2_pkcs11.sqlite3"), 0o644),
      ],
      ["a PIN that others may read", "identity.pin-exposed", async () => chmod(at("pin"), 0o640)],
    ])("fails for %s", async (_case, code, spoil) => {
      await spoil();
      const { exitCode, bad } = await examine();
      await chmod(at("store/tpm2_pkcs11.sqlite3"), 0o600);
      await chmod(at("pin"), 0o600);
      expect(exitCode).toBe(3);
      expect(bad.map((check) => check.code)).toContain(code);
    });

    it.each([
      ["another token", { tokenLabel: "nobody" }, "key", "identity.token-missing"],
      ["another key", { keyLabel: "nobody" }, "key", "identity.key-missing"],
      ["a TPM that is not there", { tcti: "device:/nowhere" }, "tpm", "identity.tpm-absent"],
      ["a library that is not there", { module: "/nowhere.so" }, "module", "identity.module-missing"],
      ["no certificate", { certificateFile: "/nowhere.pem" }, "certificate", "identity.certificate-missing"],
      ["no PIN", { pinFile: "/nowhere" }, "pin", "identity.pin-missing"],
    ])("fails for %s", async (_case, identity, check, code) => {
      const { exitCode, bad } = await examine(identity);
      expect(exitCode).toBe(3);
      expect(bad).toContainEqual(expect.objectContaining({ check, verdict: "fail", code }));
    });

    it("fails for a certificate of another key", async () => {
      const certificateFile = await issue("other", { publicKeyPem: tpm.publicKeyPem });
      const { bad } = await examine({ certificateFile });
      expect(bad).toContainEqual(expect.objectContaining({ code: "identity.certificate-mismatch" }));
    });
  });

  it("works on through another user's lockout of the TPM, warns of it, and sets the count back", async () => {
    const tools = { environment: tpm.environment, folder };
    const make = ["-C", "o", "-G", "ecc", "-p", "file:-", "-c", "guarded.ctx"];
    await runTool({ command: "tpm2_createprimary", args: make, input: "right", ...tools });
    const guess = { command: "tpm2_create", args: ["-C", "guarded.ctx", "-P", "file:-", "-G", "ecc"], ...tools };
    for (let count = 0; count < 4; count += 1) {
      await expect(runTool({ ...guess, input: "wrong" })).rejects.toThrow("tpm2_create ended with");
    }
    await causeway(["key", "test"]);
    const { stdout } = await causeway(["doctor", "--json"]);
    const { checks } = doctorReport.parse(JSON.parse(stdout));
    const lockout = checks.find(({ check }) => check === "lockout");
    expect(lockout?.verdict).toBe("warn");
    expect(lockout?.what).toContain("own token works nevertheless");
    const fixed = await causeway(["doctor", "--fix"]);
    expect(fixed.stdout).toMatch(/pass +lockout +0 of 3/);
  });

  it("wants the owner's authorisation where the TPM has one, and takes it from a file", async () => {
    const tools = { environment: tpm.environment, folder };
    const identity = { storeDir: at("owned"), tokenLabel: "owned" };
    await runTool({ command: "tpm2_changeauth", args: ["-c", "o", "file:-"], input: "owner-secret", ...tools });
    await expect(causeway(["key", "create"], identity)).rejects.toMatchObject({ code: "identity.tpm-auth-refused" });
    await writeFile(at("owner"), "owner-secret", { mode: 0o600 });
    const { stdout } = await causeway(["key", "create", "--json"], {
      ...identity,
      tpm: { ownerAuthFile: at("owner") },
    });
    expect(created.parse(JSON.parse(stdout)).token).toBe("made");
    await runTool({ command: "tpm2_changeauth", args: ["-c", "o", "-p", "file:owner"], ...tools });
  });

  it("refuses verbs on the token when the key is in a file", async () => {
    const file = at("bench.yaml");
    const config = {
      thingName: "veh-001",
      bench: true,
      buses: [{ name: "can0", driver: "native", interface: "can0" }],
      broker: { host: "localhost", caFile: authority.caFile },
      identity: { mode: "file", certificateFile: at("a"), keyFile: at("b") },
    };
    await writeFile(file, stringify(config));
    await expect(runCli(["key", "list", "--config", file], { clock: new ManualClock() })).rejects.toMatchObject({
      code: "config.invalid",
    });
  });
});
