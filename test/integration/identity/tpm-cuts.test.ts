import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { AgentError } from "../../../agent/core/errors.ts";
import { startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { startSigner } from "../../bench/tpm/signer.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL("../../../agent/main.ts", import.meta.url));
/** The figure to hold is 100; each takes some seconds, so that a usual run makes fewer. */
const CUTS = Number(process.env.CAUSEWAY_TPM_CUTS ?? "5");

const request = ({ keys, keyLabel }: Tpm) => keys.request(keyLabel, { commonName: "veh", uris: [], dnsNames: [] });

/** The code of the fault that a test of the connection ends with: there the library calls the lockout a wrong PIN. */
async function connectionFault({ publicKeyPem, environment, ...token }: Tpm, folder: string): Promise<string> {
  const authority = createAuthority(join(folder, "ca"));
  const broker = await startMosquitto({ folder: join(folder, "broker"), authority, things: ["veh"] });
  const issued = await authority.issue({ commonName: "veh", publicKeyPem, usage: "client" });
  const { certificateFile } = writeIdentity(folder, "veh", issued);
  const { tokenLabel, keyLabel, pinFile, storeDir, tcti } = token;
  const config = {
    thingName: "veh",
    stateDir: join(folder, "state"),
    buses: [{ name: "can0", driver: "native", interface: "can0" }],
    broker: { host: broker.host, port: broker.port, caFile: broker.caFile },
    identity: { mode: "pkcs11", tokenLabel, keyLabel, certificateFile, pinFile, storeDir, tcti },
  };
  await writeFile(join(folder, "agent.yaml"), stringify(config));
  const args = [MAIN, "connect", "test", "--json", "--config", join(folder, "agent.yaml")];
  const { stdout } = await run(process.execPath, args, { env: { ...process.env, ...environment } }).catch(
    (error: unknown) => z.object({ stdout: z.string() }).parse(error),
  );
  await broker.stop();
  return z.object({ fault: z.object({ code: z.string() }) }).parse(JSON.parse(stdout)).fault.code;
}

describe("hard cuts of the TPM", () => {
  let folder: string;
  let tpm: Tpm;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-cuts-"));
  });
  afterEach(async () => {
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  /** The TPM loses its power while the key is in use, and comes back with what its non-volatile memory holds. */
  async function cut(token: "agent" | "library"): Promise<void> {
    const signer = await startSigner(tpm, folder);
    tpm.children.swtpm.signal("SIGKILL");
    await tpm.children.swtpm.ended;
    await signer.stop();
    await tpm.stop();
    tpm = await startTpm({ folder, token });
  }

  it(
    `leave every login good and nothing counted, ${CUTS} times, with the limit of 3 that the TPM has by itself`,
    async () => {
      tpm = await startTpm({ folder, token: "agent" });
      const { lockout } = await tpm.keys.inspect();
      expect(lockout).toMatchObject({ counter: 0, maxTries: 3, isLocked: false });
      for (let count = 1; count <= CUTS; count += 1) {
        await cut("agent");
        await tpm.keys.test(tpm.keyLabel);
        const { lockout: after } = await tpm.keys.inspect();
        expect({ cut: count, ...after }).toMatchObject({ cut: count, counter: 0, isLocked: false });
      }
    },
    60_000 + CUTS * 60_000,
  );

  it("lock a token that the library made itself; the fault says for how long, and unlocking brings it back", async () => {
    tpm = await startTpm({ folder, token: "library" });
    expect((await tpm.keys.inspect()).token.problems).toHaveLength(3);
    const counts: number[] = [];
    for (let count = 1; count <= 3; count += 1) {
      await cut("library");
      counts.push((await tpm.keys.inspect()).lockout.counter);
    }
    expect(counts).toEqual([1, 2, 3]);
    const fault: unknown = await request(tpm).catch((error: unknown) => error);
    if (!(fault instanceof AgentError)) throw new Error("the TPM is not in lockout");
    expect(fault.code).toBe("identity.tpm-lockout");
    expect(fault.message).toContain("3 of 3 failures counted, one is forgiven every 1000 s");
    expect(fault.remedy).toContain("wait 1000 s");
    expect(await connectionFault(tpm, folder)).toBe("identity.tpm-lockout");
    await tpm.keys.clearLockout();
    expect((await tpm.keys.inspect()).lockout).toMatchObject({ counter: 0, isLocked: false });
    await request(tpm);
  }, 180_000);
});
