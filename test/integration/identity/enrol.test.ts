import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type IdentityDevice, type IdentityTask, identityDevice } from "../../bench/agent/identity-device.ts";
import { type KillPlace, killPlaces, problemAfterKill } from "../../bench/benchmarks/identity-kills.ts";
import { type CloudBench, startCloudBench } from "../../bench/cloud/cloud-bench.ts";

/** How often each place is cut, before and after the step is durable. A normal run cuts each step once, on one side. */
const KILLS = Number(process.env.CAUSEWAY_TEST_KILLS ?? "0");
const ROUNDS = Math.max(1, KILLS);

function placesOf(task: IdentityTask, side: "before" | "after"): readonly KillPlace[] {
  return killPlaces(task, KILLS === 0 ? [side] : ["before", "after"]);
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

  const device = (): IdentityDevice => identityDevice(bench, folder, `truck-${++things}`);

  it("ends with a working identity, one key, the announcement, and no claim certificate", async () => {
    const { thing, keys, state, attempt, works } = device();
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

  it.each(placesOf("enrol", "after"))(
    `continues after a kill at $killAt of an enrolment (${ROUNDS} times)`,
    async (place) => {
      for (let round = 0; round < ROUNDS; round++) expect(await problemAfterKill(device(), place)).toBeUndefined();
    },
    ROUNDS * 90_000,
  );

  it.each([...placesOf("again", "before"), ...placesOf("renew", "after")])(
    `keeps a working identity through a kill at $killAt, task $task (${ROUNDS} times)`,
    async (place) => {
      const one = device();
      await one.attempt();
      for (let round = 0; round < ROUNDS; round++) expect(await problemAfterKill(one, place)).toBeUndefined();
    },
    ROUNDS * 90_000,
  );

  it("makes a new identity for a device whose certificate was revoked", async () => {
    const { thing, attempt, works } = device();
    await attempt();
    const [old] = bench.cloud.provisioning.of(thing, "ACTIVE");
    await bench.cloud.revoke(old?.certificateId ?? "");
    expect(await works()).toBe(false);
    expect((await attempt("again")).ended).toBe("enrolled");
    expect(await works()).toBe(true);
  });

  it("counts a certificate that was issued and never arrived, and goes on with the same key", async () => {
    const { attempt, works, state, keys } = device();
    bench.cloud.disturb("create", "lost");
    expect((await attempt()).ended).toContain("identity.enrolment-unanswered");
    expect((await attempt()).ended).toBe("enrolled");
    expect(await works()).toBe(true);
    expect(state().orphans).toBe(1);
    expect((await keys.list()).map(({ label }) => label)).toEqual(["device-1"]);
  });

  it.each([
    ["a service that fails", { statusCode: 503, errorCode: "ServiceUnavailable" }, "identity.enrolment-unanswered"],
    ["a hook that refuses", { statusCode: 403, errorCode: "AccessDenied" }, "identity.enrolment-refused"],
  ] as const)("registers the same certificate after four tries at %s", async (_, error, code) => {
    const { thing, attempt, works, state } = device();
    const before = bench.cloud.provisioning.certificates.size;
    for (let n = 0; n < 4; n++) {
      bench.cloud.disturb("register", error);
      expect((await attempt()).ended).toContain(code);
    }
    expect((await attempt()).ended).toBe("enrolled");
    expect(await works()).toBe(true);
    expect(bench.cloud.provisioning.certificates.size).toBe(before + 1);
    expect(bench.cloud.provisioning.of(thing, "ACTIVE")).toHaveLength(1);
    expect([state().orphans, state().change]).toEqual([0, undefined]);
  });

  it("connects with a certificate whose registration was done and never answered", async () => {
    const { thing, attempt, works, state } = device();
    bench.cloud.disturb("register", "lost");
    expect((await attempt()).ended).toContain("identity.enrolment-unanswered");
    expect((await attempt()).ended).toBe("enrolled");
    expect(await works()).toBe(true);
    expect([bench.cloud.provisioning.of(thing, "ACTIVE").length, state().orphans]).toEqual([1, 0]);
  });

  it("says that the hook refused the serial number, and keeps the claim certificate", async () => {
    const { thing, attempt } = device();
    bench.cloud.provisioning.settings.allowedSerials.delete(thing);
    const { ended, claim } = await attempt();
    expect(ended).toContain("identity.enrolment-refused");
    expect(ended).toContain("AccessDenied");
    expect(existsSync(claim.keyFile)).toBe(true);
  });
});
