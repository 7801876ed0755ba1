import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { AgentError } from "../../agent/core/errors.ts";
import { startSigner } from "../bench/signer.ts";
import { startTpm, type Tpm } from "../bench/tpm.ts";

/** The figure to hold is 100; each takes some seconds, so that a usual run makes fewer. */
const CUTS = Number(process.env.CAUSEWAY_TPM_CUTS ?? "5");

const request = ({ keys, keyLabel }: Tpm) => keys.request(keyLabel, { commonName: "veh", uris: [], dnsNames: [] });

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
    expect((await tpm.keys.inspect()).token.flaws).toHaveLength(3);
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
    await tpm.keys.clearLockout();
    expect((await tpm.keys.inspect()).lockout).toMatchObject({ counter: 0, isLocked: false });
    await request(tpm);
  }, 180_000);
});
