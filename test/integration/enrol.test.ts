import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type IdentityState, identityInUse, identityState } from "../../agent/control/identity-state.ts";
import { openSession } from "../../agent/control/open-session.ts";
import { openIdentityFiles } from "../../drivers/os/identity-files.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { type CloudBench, startCloudBench } from "../bench/cloud/cloud-bench.ts";
import { createSession } from "../bench/mqtt-session.ts";
import { fileKeyStore } from "../fakes/file-key-store.ts";
import { MemoryLog } from "../fakes/log.ts";

const run = promisify(execFile);
const PROGRAM = fileURLToPath(new URL("./identity-process.ts", import.meta.url));
/** How often each place is cut, before and after the step is durable. A normal run cuts each step once, on one side. */
const KILLS = Number(process.env.CAUSEWAY_TEST_KILLS ?? "0");
const ROUNDS = Math.max(1, KILLS);
const FIRST = ["begin", "keyed", "asked", "registered", "verified", "claim-destroyed"] as const;
const AGAIN = [...FIRST, "announced", "retired"] as const;
const RENEWAL = ["begin", "keyed", "asked", "registered", "verified", "announced", "retired"] as const;

function placesOf(steps: readonly string[], side: "before" | "after"): readonly string[] {
  return steps.flatMap((step) => (KILLS === 0 ? [`${step}:${side}`] : [`${step}:before`, `${step}:after`]));
}

describe("enrolment and renewal", () => {
  let folder: string;
  let bench: CloudBench;
  let things = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-enrol-"));
    bench = await startCloudBench(folder);
  });
  afterAll(async () => {
    await bench.stop();
    await rm(folder, { recursive: true });
  });

  /** A device without an identity, with a claim certificate. */
  async function device() {
    const thing = `truck-${++things}`;
    const home = join(folder, thing);
    bench.cloud.provisioning.settings.allowedSerials.add(thing);
    const { mosquitto, authority, cloud } = bench;
    const keys = fileKeyStore(join(home, "keys"));
    const state = (): IdentityState => {
      const files = openIdentityFiles({ folder: join(home, "identity"), parse: (value) => identityState.parse(value) });
      const reading = files.read();
      if (reading.kind === "none") throw new Error("no state");
      return reading.state;
    };
    const attempt = async (options: { task?: "again" | "renew"; killAt?: string } = {}) => {
      const claim = await cloud.claim(home);
      const request = { task: "enrol", thing, folder: home, host: "localhost", port: mosquitto.port, ...options };
      const args = [PROGRAM, JSON.stringify({ ...request, caFile: authority.caFile, claim })];
      const ended = await run(process.execPath, args).then(
        ({ stdout }) => stdout.trim(),
        (error: { readonly signal?: string; readonly stdout?: string }) => error.signal ?? error.stdout?.trim() ?? "",
      );
      return { ended, claim };
    };
    /** Whether the identity in use is verified by OpenSSL, and connects and publishes. */
    const works = async (): Promise<boolean> => {
      const identity = identityInUse(state());
      if (identity === undefined) return false;
      const { certificateFile, keyLabel } = identity;
      await run("openssl", ["verify", "-CAfile", authority.caFile, certificateFile]);
      const session = createSession({
        clientId: thing,
        identity: { mode: "file", certificateFile, keyFile: keys.fileOf(keyLabel) },
        caFile: authority.caFile,
        broker: { host: "localhost", port: mosquitto.port, sessionExpirySeconds: 0 },
        log: new MemoryLog(),
        once: true,
      });
      await openSession(session, systemClock(), AbortSignal.timeout(10_000)).catch(() => undefined);
      const rest = { retain: false, contentType: "", messageExpirySeconds: undefined, userProperties: [] };
      const outcome = await session.publish({
        topic: `dt/causeway/${thing}/test`,
        payload: new Uint8Array(1),
        ...rest,
      });
      await session.stop();
      return outcome.kind === "acked";
    };
    return { thing, keys, state, attempt, works };
  }

  it("ends with a working identity, one key, the announcement, and no claim certificate", async () => {
    const { thing, keys, state, attempt, works } = await device();
    const { ended, claim } = await attempt();
    expect(ended).toBe("enrolled");
    expect(await works()).toBe(true);
    expect((await keys.list()).map(({ label }) => label)).toEqual(["device-1"]);
    expect([existsSync(claim.keyFile), existsSync(claim.certificateFile)]).toEqual([false, false]);
    expect(state()).toMatchObject({ inUse: "a", orphans: 0, discarded: [] });
    expect(state().claim).toBeUndefined();
    const [certificate] = bench.cloud.provisioning.of(thing, "ACTIVE");
    expect(bench.cloud.announcements.at(-1)).toMatchObject({ thing, certificateId: certificate?.certificateId });
    expect((await attempt()).ended).toBe("present");
  });

  it.each(placesOf(FIRST, "after"))(
    `continues after a kill at %s (${ROUNDS} times)`,
    async (killAt) => {
      for (let round = 0; round < ROUNDS; round++) {
        const { attempt, works, keys, state } = await device();
        expect((await attempt({ killAt })).ended).toBe("SIGKILL");
        expect((await attempt()).ended).toMatch(/^(enrolled|present)$/);
        expect(await works()).toBe(true);
        expect(await keys.list()).toHaveLength(1);
        expect(state().claim).toBeUndefined();
      }
    },
    ROUNDS * 90_000,
  );

  it.each(placesOf(AGAIN, "before"))(
    `keeps a working identity through a kill at %s of a second enrolment (${ROUNDS} times)`,
    async (killAt) => {
      for (let round = 0; round < ROUNDS; round++) {
        const { attempt, works, keys, state } = await device();
        await attempt();
        expect((await attempt({ task: "again", killAt })).ended).toBe("SIGKILL");
        expect(await works()).toBe(true);
        expect((await attempt(killAt === "begin:before" ? { task: "again" } : {})).ended).toMatch(
          /^(enrolled|present)$/,
        );
        expect(await works()).toBe(true);
        expect(await keys.list()).toHaveLength(1);
        expect(identityInUse(state())?.keyLabel).toBe("device-2");
      }
    },
    ROUNDS * 90_000,
  );

  it.each(placesOf(RENEWAL, "after"))(
    `keeps a working identity through a kill at %s of a renewal (${ROUNDS} times)`,
    async (killAt) => {
      for (let round = 0; round < ROUNDS; round++) {
        const { attempt, works, keys, state } = await device();
        await attempt();
        expect((await attempt({ task: "renew", killAt })).ended).toBe("SIGKILL");
        expect(await works()).toBe(true);
        expect((await attempt({ task: "renew" })).ended).toBe("renewed");
        expect(await works()).toBe(true);
        expect(await keys.list()).toHaveLength(1);
        expect(identityInUse(state())?.keyLabel).toMatch(/^device-[23]$/);
      }
    },
    ROUNDS * 90_000,
  );

  it("makes a new identity for a device whose certificate was revoked", async () => {
    const { thing, attempt, works } = await device();
    await attempt();
    const [old] = bench.cloud.provisioning.of(thing, "ACTIVE");
    await bench.cloud.revoke(old?.certificateId ?? "");
    expect(await works()).toBe(false);
    expect((await attempt({ task: "again" })).ended).toBe("enrolled");
    expect(await works()).toBe(true);
  });

  it("counts a certificate that was issued and never arrived, and goes on with the same key", async () => {
    const { attempt, works, state, keys } = await device();
    bench.cloud.disturb("create", "lost");
    expect((await attempt()).ended).toContain("identity.enrolment-unanswered");
    bench.cloud.disturb("register", { statusCode: 503, errorCode: "ServiceUnavailable" });
    expect((await attempt()).ended).toContain("identity.enrolment-unanswered");
    expect((await attempt()).ended).toBe("enrolled");
    expect(await works()).toBe(true);
    expect(state().orphans).toBe(2);
    expect((await keys.list()).map(({ label }) => label)).toEqual(["device-1"]);
  });

  it("says that the hook refused the serial number, and keeps the claim certificate", async () => {
    const { thing, attempt } = await device();
    bench.cloud.provisioning.settings.allowedSerials.delete(thing);
    const { ended, claim } = await attempt();
    expect(ended).toContain("identity.enrolment-refused");
    expect(ended).toContain("AccessDenied");
    expect(existsSync(claim.keyFile)).toBe(true);
  });
});
