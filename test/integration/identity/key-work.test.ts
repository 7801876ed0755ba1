import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTpmKeyStore } from "../../../drivers/tpm/key-store.ts";
import { runWorker, type WorkerRun } from "../../../drivers/tpm/worker/worker-process.ts";
import { type ProcessSpy, startProcessSpy } from "../../bench/core/process-spy.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { identityOf } from "../../bench/tpm/tpm-token.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

/** From the start of the process to after its end, ms. */
const CUTS_MS = [50, 300, 600, 900, 1300, 1800, 2600];

describe("key work in a process of its own", () => {
  let folder: string;
  let tpm: Tpm;
  let spy: ProcessSpy;
  let pin: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-key-work-"));
    tpm = await startTpm({ folder });
    pin = await readFile(tpm.pinFile, "utf8");
    spy = await startProcessSpy(folder);
  });
  afterAll(async () => {
    await spy.stop();
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  const environment = () => ({ ...process.env, ...tpm.environment });

  function keyStoreWith(readPin: () => string) {
    const none = () => undefined;
    const secrets = { pin: readPin, officerPin: none, ownerAuth: none, lockoutAuth: none };
    const withSpy = { ...environment(), PATH: `${spy.path}:${process.env.PATH ?? ""}` };
    return createTpmKeyStore({ identity: identityOf(tpm), secrets, environment: withSpy, log: new MemoryLog() });
  }

  /** How often the token was asked with a PIN. */
  async function unseals(): Promise<number> {
    const log = await readFile(join(folder, "spy-tools.log"), "utf8");
    return log.split("\n").filter((line) => line.endsWith("/tpm2_unseal")).length;
  }

  it("is whole or not there when it is killed at any moment, and leaves no process behind", async () => {
    const run: Omit<WorkerRun, "timeoutMs"> = { environment: environment(), onStderr: () => undefined };
    const place = { module: "libtpm2_pkcs11.so.1", tokenLabel: tpm.tokenLabel, storeDir: tpm.storeDir };
    let late = 0;
    for (const timeoutMs of CUTS_MS) {
      const label = `cut-${timeoutMs}`;
      const job = { job: "create", place, pin, label, algorithm: "ec-p256" } as const;
      const outcome = await runWorker(job, { ...run, timeoutMs }).catch((error: unknown) => error);
      const isLate = outcome instanceof Error;
      if (isLate) {
        late += 1;
        expect(outcome).toMatchObject({ code: "identity.tpm-timeout" });
      }
      const keys = await tpm.keys.list();
      expect(keys.flatMap(({ problems }) => problems)).toEqual([]);
      const isThere = keys.some((key) => key.label === label);
      expect(isLate || isThere).toBe(true);
      if (isThere) await tpm.keys.test(label);
      else await tpm.keys.create(label, "ec-p256");
    }
    expect(late).toBeGreaterThan(0);
    expect(processesOf(tpm.storeDir)).toEqual([]);
  }, 300_000);

  it("asks the token once with a wrong PIN and never again, until the PIN is another one", async () => {
    let current = "0".repeat(32);
    const keys = keyStoreWith(() => current);
    const before = await unseals();
    await expect(keys.create("never", "ec-p256")).rejects.toMatchObject({ code: "identity.pin-wrong" });
    await expect(keys.create("never", "ec-p256")).rejects.toMatchObject({ code: "identity.pin-wrong" });
    await expect(keys.test(tpm.keyLabel)).rejects.toMatchObject({ code: "identity.pin-wrong" });
    expect(await unseals()).toBe(before + 1);
    current = pin;
    await keys.test(tpm.keyLabel);
    await keys.create("later", "ec-p256");
    expect(await unseals()).toBe(before + 2);
  }, 60_000);

  it("makes the token once, and says afterwards that it is there", async () => {
    expect(await keyStoreWith(() => pin).provision()).toBe("present");
  });
});

/** Processes that were started to work on the store: its path is in their environment. */
function processesOf(storeDir: string): readonly string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(`TPM2_PKCS11_STORE=${storeDir}`);
    } catch {
      // It has ended meanwhile.
      return false;
    }
  });
}
