import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { composeOutbox } from "../../../agent/daemon/compose-storage.ts";
import { MetricBook } from "../../../agent/daemon/metric-book.ts";
import { openOutboxKey, sealedKeyText } from "../../../agent/daemon/outbox-key.ts";
import type { SecretSealer } from "../../../agent/ports/key-store.ts";
import { CHOICES } from "../../../config/example-values.ts";
import { agentConfig } from "../../../config/schema.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { createTpmKeyStore } from "../../../drivers/tpm/key-store.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { identityOf } from "../../bench/tpm/tpm-token.ts";
import { draftOf, takeLosses } from "../../contract/outbox-subject.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const sealedSecret = z.object({ publicBlob: z.string(), privateBlob: z.string(), salt: z.string() });

describe("a secret that the TPM seals (swtpm)", () => {
  let folder: string;
  let tpm: Tpm;
  let pin: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-seal-"));
    tpm = await startTpm({ folder });
    pin = readFileSync(tpm.pinFile, "utf8");
  });
  afterAll(async () => {
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  function sealerWith(somePin: string): SecretSealer {
    const none = () => undefined;
    const secrets = { pin: () => somePin, officerPin: none, ownerAuth: none, lockoutAuth: none };
    const environment = { ...process.env, ...tpm.environment };
    return createTpmKeyStore({ identity: identityOf(tpm), secrets, environment, log: new MemoryLog() });
  }

  it("comes back with the PIN, of any process, and not with another PIN or changed", async () => {
    const secret = "5a".repeat(64);
    const sealed = await sealerWith(pin).seal(secret);
    expect(JSON.stringify(sealed)).not.toContain("5a5a5a5a");
    expect(await sealerWith(pin).unseal(sealed)).toBe(secret);
    await expect(sealerWith("0".repeat(32)).unseal(sealed)).rejects.toMatchObject({ code: "identity.pin-wrong" });
    const blob = Buffer.from(sealed.privateBlob, "base64");
    blob[40] ^= 1;
    const changed = { ...sealed, privateBlob: blob.toString("base64") };
    await expect(sealerWith(pin).unseal(changed)).rejects.toMatchObject({ code: "identity.key-unfit" });
    // No wrong guess has counted against the TPM's lockout.
    expect((await tpm.keys.inspect()).lockout.counter).toBe(0);
  }, 60_000);

  it("is the key of an agent's outbox, the same at each start, and of a new one on another TPM's disk", async () => {
    const stateDir = join(folder, "state");
    const start = async () => {
      const config = agentConfig.parse({
        ...CHOICES,
        stateDir,
        runtimeDir: folder,
        identity: { ...identityOf(tpm), pinFile: tpm.pinFile },
        outbox: { encryption: { key: "tpm" } },
      });
      const log = new MemoryLog();
      const environment = { ...process.env, ...tpm.environment };
      const runtime = {
        version: "0",
        bootId: "0".repeat(32),
        startedAtMs: 0,
        random: () => 0.5,
        metrics: new MetricBook(),
        environment,
        log,
      };
      const key = await openOutboxKey(config, { ...runtime, clock: systemClock() });
      const outbox = composeOutbox(config, key, { ...runtime, clock: systemClock() });
      onTestFinished(() => outbox.close());
      return { outbox, events: log.entries.map(({ event }) => event) };
    };
    const first = await start();
    expect(first.outbox.stats()).toMatchObject({ encryption: { isOn: true } });
    first.outbox.append([draftOf("event", 50)]);
    first.outbox.close();
    expect(readFileSync(join(stateDir, "outbox.db"), "latin1")).not.toContain("event 1");
    const second = await start();
    expect(second.outbox.read("event", 0, second.outbox.lastRow(), 10, 1000)).toHaveLength(1);
    expect(second.events).not.toContain("outbox.key-made");
    second.outbox.close();
    // As it would be in a vehicle whose TPM was exchanged: what lies there is of none that answers.
    const file = join(stateDir, "outbox.key");
    const sealed = sealedSecret.parse(JSON.parse(readFileSync(file, "utf8")));
    const blob = Buffer.from(sealed.privateBlob, "base64");
    blob[40] ^= 1;
    writeFileSync(file, sealedKeyText({ ...sealed, privateBlob: blob.toString("base64") }));
    const third = await start();
    expect(third.events).toEqual(expect.arrayContaining(["outbox.key-replaced", "outbox.key-made", "outbox.key-lost"]));
    expect(third.outbox.stats().encryption?.lost?.code).toBe("outbox.key-lost");
    expect(takeLosses(third.outbox)).toEqual(["event 1-1 damaged"]);
  }, 90_000);

  it("does not come back from another TPM", async () => {
    const sealed = await sealerWith(pin).seal("a secret");
    const otherFolder = await mkdtemp(join(tmpdir(), "causeway-seal-"));
    const other = await startTpm({ folder: otherFolder });
    try {
      const secrets = {
        pin: () => pin,
        officerPin: () => undefined,
        ownerAuth: () => undefined,
        lockoutAuth: () => undefined,
      };
      const environment = { ...process.env, ...other.environment };
      const keys = createTpmKeyStore({ identity: identityOf(other), secrets, environment, log: new MemoryLog() });
      await expect(keys.unseal(sealed)).rejects.toMatchObject({ code: "identity.key-unfit" });
    } finally {
      await other.stop();
      await rm(otherFolder, { recursive: true });
    }
  }, 60_000);
});
