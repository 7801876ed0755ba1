import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { AgentError } from "../../../agent/core/errors.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type Authority, createAuthority } from "../../bench/cloud/certificate-authority.ts";
import { adoptForeignKey, adoptOddKey, relabel } from "../../bench/tpm/adopted-key.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";

const listed = z.object({
  keys: z.array(
    z.object({
      label: z.string(),
      id: z.int(),
      algorithm: z.string(),
      problems: z.array(z.string()),
      inUse: z.boolean(),
    }),
  ),
});
const examined = z.object({ checks: z.array(z.object({ check: z.string(), verdict: z.string(), what: z.string() })) });

async function faultOf(work: Promise<unknown>): Promise<AgentError> {
  const outcome: unknown = await work.catch((error: unknown) => error);
  if (outcome instanceof AgentError) return outcome;
  throw new Error("it did not end with a fault", { cause: outcome });
}

describe("a token with keys that the agent did not make", { timeout: 120_000 }, () => {
  let folder: string;
  let tpm: Tpm;
  let authority: Authority;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-odd-keys-"));
    authority = createAuthority(join(folder, "ca"));
    tpm = await startTpm({ folder: join(folder, "tpm") });
  });
  afterAll(async () => {
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  async function causeway(keyLabel: string, ...args: readonly string[]) {
    const file = join(folder, `${keyLabel}.yaml`);
    const { tokenLabel, pinFile, storeDir, tcti } = tpm;
    const certificateFile = join(folder, `${keyLabel}.pem`);
    const config = {
      thingName: "veh-001",
      stateDir: join(folder, "state"),
      runtimeDir: folder,
      buses: [{ name: "can0", driver: "native", interface: "can0" }],
      broker: { host: "localhost", caFile: authority.caFile },
      identity: { mode: "pkcs11", tokenLabel, keyLabel, certificateFile, pinFile, storeDir, tcti },
    };
    await writeFile(file, stringify(config));
    const environment = { ...process.env, ...tpm.environment };
    return await runCli([...args, "--config", file], { environment, clock: systemClock() });
  }

  async function certificateFor(name: string, publicKeyPem: string): Promise<string> {
    const issued = await authority.issue({ commonName: "veh-001", usage: "client", publicKeyPem });
    await writeFile(join(folder, `${name}.crt`), issued.certificatePem);
    return join(folder, `${name}.crt`);
  }

  it("lists every key, and says of each what it is", async () => {
    await tpm.keys.create("wide", "ec-p384");
    await adoptOddKey(tpm, "short", "rsa1024");
    const { stdout } = await causeway(tpm.keyLabel, "key", "list", "--json");
    const { keys } = listed.parse(JSON.parse(stdout));
    expect(keys.map(({ label, algorithm, inUse }) => [label, algorithm, inUse])).toEqual([
      [tpm.keyLabel, "ec-p256", true],
      ["short", "other", false],
      ["wide", "ec-p384", false],
    ]);
    expect(keys.map(({ problems }) => problems.join())).toEqual([
      "",
      expect.stringContaining("RSA with 1024 bits"),
      "",
    ]);
  });

  it("installs a certificate whatever other keys there are", async () => {
    const file = await certificateFor("device", tpm.publicKeyPem);
    await causeway(tpm.keyLabel, "cert", "install", file);
    expect(await readFile(join(folder, `${tpm.keyLabel}.pem`), "utf8")).toBe(await readFile(file, "utf8"));
  });

  it("takes no certificate for a key that was made outside the TPM, and says so in the self-test", async () => {
    const file = await certificateFor("foreign", await adoptForeignKey(tpm, "foreign"));
    const fault = await faultOf(causeway("foreign", "cert", "install", file));
    expect(fault.code).toBe("identity.key-unfit");
    expect(fault.message).toContain("it was not made in the TPM");
    const { stdout } = await causeway("foreign", "doctor", "--json");
    const { checks } = examined.parse(JSON.parse(stdout));
    const key = checks.find(({ check }) => check === "key");
    expect(key?.verdict).toBe("fail");
    expect(key?.what).toContain("it was not made in the TPM");
  });

  it("names two keys of one label, takes neither, and deletes the one whose number is given", async () => {
    const first = await tpm.keys.create("twin-a", "ec-p256");
    const second = await tpm.keys.create("twin-b", "ec-p256");
    relabel(tpm.storeDir, "twin-b", "twin-a");
    const { stdout } = await causeway("twin-a", "key", "list");
    expect(stdout.match(/FLAWED: another key has its label/g)).toHaveLength(2);
    const file = await certificateFor("twin", first.publicKeyPem);
    const fault = await faultOf(causeway("twin-a", "cert", "install", file));
    expect(fault.code).toBe("identity.key-ambiguous");
    expect(fault.remedy).toContain(`causeway key delete twin-a --id ${second.id}`);
    await causeway("twin-a", "key", "delete", "twin-a", "--id", String(second.id));
    await causeway("twin-a", "cert", "install", file);
  });
});
