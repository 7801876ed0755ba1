import { createDecipheriv, randomBytes } from "node:crypto";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { TokenStore } from "../../../drivers/tpm/store/store.ts";
import { ATTRIBUTE, parseAttributes } from "../../../drivers/tpm/store/store-objects.ts";
import { sealAuth } from "../../../drivers/tpm/tools/seal.ts";
import { type ProcessSpy, startProcessSpy } from "../../bench/core/process-spy.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { runTool } from "../../bench/tpm/tpm-tools.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";

const canary = (): string => randomBytes(16).toString("hex");
const SECRETS = {
  pin: canary(),
  "wrong PIN": canary(),
  "SO PIN": canary(),
  "owner authorisation": canary(),
  "wrong owner authorisation": canary(),
  "lockout authorisation": canary(),
  "wrong lockout authorisation": canary(),
};

describe("secrets of the token", () => {
  let folder: string;
  let tpm: Tpm;
  let spy: ProcessSpy;
  /** What people and logs get to see: output, and errors to their last cause. */
  let shown = "";
  const at = (name: string): string => join(folder, name);

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-secrets-"));
    tpm = await startTpm({ folder: at("tpm") });
    for (const [name, secret] of Object.entries(SECRETS)) await writeFile(at(name), secret, { mode: 0o600 });
    spy = await startProcessSpy(folder);
  });
  afterAll(async () => {
    await spy.stop();
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  async function causeway(args: readonly string[], identity: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const config = {
      thingName: "veh-001",
      buses: [{ name: "can0", driver: "native", interface: "can0" }],
      broker: { host: "localhost", caFile: at("ca.pem") },
      identity: {
        mode: "pkcs11",
        tokenLabel: "vehicle",
        keyLabel: "device",
        certificateFile: at("device.pem"),
        pinFile: at("pin"),
        officerPinFile: at("SO PIN"),
        storeDir: at("store"),
        tcti: tpm.tcti,
        keyTimeoutSeconds: 60,
        tpm: { ownerAuthFile: at("owner authorisation"), lockoutAuthFile: at("lockout authorisation") },
        ...identity,
      },
    };
    await writeFile(at("agent.yaml"), stringify(config));
    const environment = { ...process.env, ...tpm.environment, PATH: `${spy.path}:${process.env.PATH ?? ""}` };
    const surroundings = { environment, clock: systemClock() };
    try {
      const { stdout, stderr } = await runCli([...args, "--verbose", "--config", at("agent.yaml")], surroundings);
      shown += stdout + stderr;
      return "ok";
    } catch (error) {
      shown += inspect(error, { depth: 20, showHidden: true });
      return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "bug";
    }
  }

  /** The authorisation of the key and the key that it is stored under, which nobody but the TPM and the worker should know. */
  async function innerSecrets(): Promise<Readonly<Record<string, string>>> {
    using store = new TokenStore(at("store"));
    const token = store.token("vehicle");
    const [key] = store.keys(token?.id ?? 0);
    if (token?.user === undefined || key === undefined) throw new Error("there is no token or no key");
    await writeFile(at("parent.tr"), token.parent);
    await writeFile(at("seal.pub"), token.user.publicBlob);
    await writeFile(at("seal.priv"), token.user.privateBlob);
    const tools = { environment: tpm.environment, folder };
    const load = ["-C", "parent.tr", "-u", "seal.pub", "-r", "seal.priv", "-c", "seal.ctx"];
    await runTool({ command: "tpm2_load", args: load, ...tools });
    const sealed = sealAuth(SECRETS.pin, token.user.salt);
    const unseal = { command: "tpm2_unseal", args: ["-c", "seal.ctx", "-p", "file:-"], input: sealed, ...tools };
    const wrappingKey = await runTool(unseal);
    return {
      "seal authorisation": sealed,
      "wrapping key": wrappingKey,
      "key authorisation": unwrapped(storedAuth(at("store")), wrappingKey),
    };
  }

  it("appear in no output, no error, no argument list and no environment, whatever goes well or wrong", async () => {
    const tools = { environment: tpm.environment, folder };
    await runTool({ command: "tpm2_changeauth", args: ["-c", "o", "file:owner authorisation"], ...tools });
    await runTool({ command: "tpm2_changeauth", args: ["-c", "l", "file:lockout authorisation"], ...tools });
    const wrongOwner = { tpm: { ownerAuthFile: at("wrong owner authorisation") } };
    expect(await causeway(["key", "create"], wrongOwner)).toBe("identity.tpm-auth-refused");
    expect(await causeway(["key", "create"])).toBe("ok");
    for (const verb of [["key", "list"], ["key", "test"], ["csr"], ["doctor"], ["key", "unlock"]]) {
      expect([verb, await causeway(verb)]).toEqual([verb, "ok"]);
    }
    expect(await causeway(["key", "create", "other", "--algorithm", "rsa-2048"])).toBe("ok");
    expect(await causeway(["key", "delete", "other"])).toBe("ok");
    const wrongPin = { pinFile: at("wrong PIN") };
    expect(await causeway(["key", "test"], wrongPin)).toBe("identity.pin-wrong");
    expect(await causeway(["key", "create", "third"], wrongPin)).toBe("identity.pin-wrong");
    expect(await causeway(["doctor"], wrongPin)).toBe("ok");
    expect(await causeway(["csr"], { tcti: "device:/nowhere" })).toBe("identity.tpm-absent");
    expect(await causeway(["csr"], { module: "/nowhere.so" })).toBe("identity.module-missing");
    expect(await causeway(["csr"], { tcti: "cmd:sleep 600", keyTimeoutSeconds: 5 })).toBe("identity.tpm-timeout");
    await chmod(at("store/tpm2_pkcs11.sqlite3"), 0o644);
    expect(await causeway(["key", "test"])).toBe("identity.store-exposed");
    await chmod(at("store/tpm2_pkcs11.sqlite3"), 0o600);
    await chmod(at("pin"), 0o644);
    expect(await causeway(["key", "test"])).toBe("identity.pin-exposed");
    const wrongLockout = { tpm: { lockoutAuthFile: at("wrong lockout authorisation") } };
    expect(await causeway(["key", "unlock"], wrongLockout)).toBe("identity.tpm-auth-refused");

    const seen = await spy.stop();
    // The watch would have seen one: it has both ends of what it must see.
    expect(seen).toContain("drivers/tpm/worker/worker.ts");
    for (const tool of ["tpm2_create", "tpm2_unseal", "tpm2_createprimary", "tpm2_dictionarylockout", "file:-"]) {
      expect(seen).toContain(tool);
    }
    expect(shown).toContain("identity.tpm-said");
    for (const [name, secret] of Object.entries({ ...SECRETS, ...(await innerSecrets()) })) {
      const found = {
        isLong: secret.length >= 32,
        inProcesses: seen.includes(secret),
        inOutput: shown.includes(secret),
      };
      expect({ name, ...found }).toEqual({ name, isLong: true, inProcesses: false, inOutput: false });
    }
  }, 300_000);
});

/** The authorisation of the only key of a store, as it is stored. */
function storedAuth(storeDir: string): string {
  const database = new DatabaseSync(join(storeDir, "tpm2_pkcs11.sqlite3"), { readOnly: true });
  try {
    const rows = database.prepare("SELECT attrs FROM tobjects").all();
    const auths = rows.map(({ attrs }) => parseAttributes(String(attrs)).get(ATTRIBUTE.encryptedAuth));
    return Buffer.from(z.string().parse(auths.find((auth) => auth !== undefined)), "hex").toString("utf8");
  } finally {
    database.close();
  }
}

function unwrapped(text: string, wrappingKey: string): string {
  const [iv, tag, ciphertext] = text.split(":").map((part) => Buffer.from(part, "hex"));
  const decipher = createDecipheriv("aes-256-gcm", Buffer.from(wrappingKey, "hex"), iv ?? "");
  decipher.setAuthTag(tag ?? Buffer.alloc(16));
  return Buffer.concat([decipher.update(ciphertext ?? ""), decipher.final()]).toString("utf8");
}
