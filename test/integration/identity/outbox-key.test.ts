import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SecretSealer } from "../../../agent/ports/key-store.ts";
import { createTpmKeyStore } from "../../../drivers/tpm/key-store.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { identityOf } from "../../bench/tpm/tpm-token.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

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
