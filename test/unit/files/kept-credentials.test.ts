import { describe, expect, it } from "vitest";
import { AgentError, type FaultCode } from "../../../agent/core/errors.ts";
import { KeptCredentials } from "../../../agent/files/kept-credentials.ts";
import type { TemporaryCredentials } from "../../../agent/ports/cloud-credentials.ts";
import { ManualClock } from "../../fakes/core/clock.ts";

const MINUTE_MS = 60_000;
const signal = new AbortController().signal;

/** A provider whose next answers are faults; else credentials for `lifeMs`. */
function rig(lifeMs = 60 * MINUTE_MS, faults: FaultCode[] = []) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const provider = {
    ask: async (roleAlias: string): Promise<TemporaryCredentials> => {
      asked.push(roleAlias);
      const code = faults.shift();
      if (code !== undefined) throw new AgentError(code, { what: `fault ${asked.length}`, remedy: "" });
      const expiresAtMs = clock.wallUs() / 1000 + lifeMs;
      return { accessKeyId: `key ${asked.length}`, secretAccessKey: "s", sessionToken: "t", expiresAtMs };
    },
  };
  const kept = new KeptCredentials({ provider, clock, random: () => 0.999 });
  const get = (roleAlias = "a"): Promise<string> =>
    kept.get(roleAlias, signal).then(
      ({ accessKeyId }) => accessKeyId,
      (error: unknown) => (error instanceof AgentError ? error.message : "a bug"),
    );
  return { clock, asked, kept, get };
}

describe("KeptCredentials", () => {
  it("asks once an alias, and again five minutes before the end", async () => {
    const { clock, asked, kept, get } = rig();
    expect([await get(), await get(), await get("b")]).toEqual(["key 1", "key 1", "key 2"]);
    await clock.run(54.9 * MINUTE_MS);
    expect(await get()).toBe("key 1");
    await clock.run(0.2 * MINUTE_MS);
    expect([await get(), await get()]).toEqual(["key 3", "key 3"]);
    expect(asked).toEqual(["a", "b", "a"]);
    expect(kept.counts).toEqual({ given: 3, failed: 0 });
  });

  it("gives none that the store takes no more", async () => {
    const { kept, get } = rig();
    await get();
    kept.forget("a");
    expect(await get()).toBe("key 2");
  });

  it("takes none that are over when they come", async () => {
    const { kept, get } = rig(-1);
    expect(await get()).toContain("are over already");
    expect(kept.counts).toEqual({ given: 0, failed: 1 });
  });

  it("asks nobody for five minutes where a person must act, and says the same again", async () => {
    const { clock, asked, get } = rig(60 * MINUTE_MS, ["upload.credentials-refused"]);
    expect([await get(), await get()]).toEqual(["fault 1", "fault 1"]);
    await clock.run(4.9 * MINUTE_MS);
    expect(await get()).toBe("fault 1");
    await clock.run(0.2 * MINUTE_MS);
    expect(await get()).toBe("key 2");
    expect(asked).toHaveLength(2);
  });

  it("waits longer and longer for what may pass, and from the beginning after it has", async () => {
    const fault = "upload.credentials-unavailable";
    const { clock, asked, kept, get } = rig(60 * MINUTE_MS, [fault, fault, fault]);
    const waits: number[] = [];
    for (let failed = 1; failed <= 3; failed += 1) {
      await get();
      const fromMs = clock.monotonicMs();
      while (asked.length === failed) {
        await clock.run(100);
        await get();
      }
      waits.push((clock.monotonicMs() - fromMs) / 1000);
    }
    expect(waits.map(Math.round)).toEqual([2, 4, 8]);
    expect(kept.counts).toEqual({ given: 1, failed: 3 });
  });

  it("counts no fault of a request that was stopped", async () => {
    const { kept } = rig(60 * MINUTE_MS, ["upload.credentials-unavailable"]);
    await expect(kept.get("a", AbortSignal.abort())).rejects.toThrow("fault 1");
    await expect(kept.get("a", signal)).resolves.toMatchObject({ accessKeyId: "key 2" });
  });
});
