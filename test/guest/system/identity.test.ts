import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { contradictionsOf, settle, unitOf } from "../../../scripts/guest-machine/account.ts";
import { GUEST_THING, type Guest, startGuest } from "../../../scripts/guest-machine/vehicle-guest.ts";
import { TEMPLATES } from "../../bench/cloud/provisioning.ts";

/** Key work in an emulated TPM, from an emulated machine. */
const SLOW_MS = 400_000;
const STORE = "/var/lib/causeway/identity/store";
const FIXED = ["fixedtpm", "fixedparent", "sensitivedataorigin", "userwithauth", "noda", "sign"];

const report = z.object({
  outcome: z.enum(["enrolled", "present"]),
  steps: z.array(z.object({ step: z.string(), ms: z.number() })),
  connection: z.object({ ok: z.boolean() }),
});
const keys = z.object({
  keys: z.array(z.object({ label: z.string(), attributes: z.array(z.string()), problems: z.array(z.string()) })),
});
const doctor = z.object({ checks: z.array(z.object({ check: z.string(), verdict: z.string(), what: z.string() })) });

describe("an identity whose key is born in /dev/tpmrm0", () => {
  let guest: Guest;

  beforeAll(async () => {
    guest = await startGuest({
      rate: 0.1,
      config: {
        identity: { mode: "pkcs11", tokenLabel: "causeway", storeDir: STORE, tcti: "device:/dev/tpmrm0" },
        provisioning: { template: TEMPLATES.fleet, rotationTemplate: TEMPLATES.rotation },
        renewal: { verifyMs: 120_000 },
      },
    });
    // A device as it leaves the factory has no certificate.
    await guest.sh("rm /var/lib/causeway/identity/device.pem");
  });
  afterAll(() => guest?.stop());

  /** A verb that root runs: by itself it is of the service's user, with the PIN that is a credential of the service alone. */
  async function asRoot(verb: string) {
    return await guest.run(`causeway ${verb}`, SLOW_MS);
  }

  async function provision(...options: readonly string[]) {
    const { certificateFile, keyFile } = await guest.cloud.claim(join(guest.consumerIdentity.folder, "claim"));
    await guest.machine.copyIn(certificateFile, "/var/lib/causeway/claim.pem", "0600", "causeway:causeway");
    await guest.machine.copyIn(keyFile, "/var/lib/causeway/claim.key", "0600", "causeway:causeway");
    const claim = "--claim-cert /var/lib/causeway/claim.pem --claim-key /var/lib/causeway/claim.key";
    const { code, stdout, stderr } = await asRoot(
      `provision --non-interactive --json --timeout 300 ${claim} ${options.join(" ")}`,
    );
    expect(stderr).toBe("");
    expect(code).toBe(0);
    return report.parse(JSON.parse(stdout));
  }

  async function keyList() {
    const { stdout } = await asRoot("key list --json");
    return keys.parse(JSON.parse(stdout)).keys;
  }

  it("is enrolled with a claim certificate, which is gone afterwards", async () => {
    const { outcome, steps, connection } = await provision();
    console.log(steps.map(({ step, ms }) => `${step} ${Math.round(ms)} ms`).join(", "));
    expect({ outcome, connection }).toMatchObject({ outcome: "enrolled", connection: { ok: true } });
    expect((await guest.run("ls /var/lib/causeway/claim.pem /var/lib/causeway/claim.key")).stdout).toBe("");
    await guest.sh("systemctl start causeway");
    const { link, identity } = await guest.statusWhen("online", (status) => status.link.state === "online");
    const [active] = guest.cloud.provisioning.of(GUEST_THING, "ACTIVE");
    expect(identity.certificate?.certificateId).toBe(active?.certificateId);
    expect(link.fault).toBeUndefined();
  });

  it("has a key that the TPM will not give away, and requests that openssl believes", async () => {
    const { identity } = await guest.statusWhen("online", ({ link }) => link.state === "online");
    const inUse = (await keyList()).find(({ label }) => identity.key.endsWith(`object=${label}`));
    expect(inUse?.problems).toEqual([]);
    expect(inUse?.attributes).toEqual(expect.arrayContaining(FIXED));
    const { stdout } = await asRoot("csr");
    const file = join(guest.consumerIdentity.folder, "device.csr");
    writeFileSync(file, stdout);
    const judged = execFileSync("openssl", ["req", "-in", file, "-verify", "-noout", "-text"], { encoding: "utf8" });
    expect(judged).toContain("prime256v1");
    const { stdout: checked } = await asRoot("doctor --json");
    const failed = doctor.parse(JSON.parse(checked)).checks.filter(({ verdict }) => verdict === "fail");
    expect(failed).toEqual([]);
  });

  it("says that systemd cannot give the PIN where its file is of another machine", async () => {
    await guest.sh(
      "cp /etc/causeway/causeway-pin.cred /root/good.cred && head -c 200 /dev/urandom | base64 > /etc/causeway/causeway-pin.cred",
    );
    const { code, stderr } = await asRoot("key test --json");
    await guest.sh("cp /root/good.cred /etc/causeway/causeway-pin.cred");
    expect([code, stderr]).toEqual([78, expect.stringContaining("243/CREDENTIALS")]);
    expect(await guest.sh("find /var/lib/causeway/identity ! -user causeway")).toBe("");
    // A file, and what stdin has, are read by root: the service's user may not look there.
    await guest.sh(
      "cp /var/lib/causeway/identity/*.pem /root/ && ls /root/*.pem | head -1 | xargs -I FILE cp FILE /root/own.pem",
    );
    const installed = await asRoot("cert install /root/own.pem --json");
    const piped = await asRoot("cert install - --json < /root/own.pem");
    expect([installed.stderr, installed.code, piped.stderr, piped.code]).toEqual(["", 0, "", 0]);
  });

  it("is renewed under traffic: another key, no lost record, no restart", async () => {
    await guest.sh("systemctl start guest-traffic");
    const before = await guest.statusWhen("online and storing", ({ link, collected }) => {
      return link.state === "online" && collected.samples > 0;
    });
    const renewed = await guest.run("causeway cert renew --json --timeout 300", SLOW_MS);
    expect(renewed.stderr).toBe("");
    expect(renewed.code).toBe(0);
    const after = await guest.statusWhen("online with the other certificate", ({ link, identity }) => {
      return link.state === "online" && identity.slot !== before.identity.slot;
    });
    expect(after.identity.certificate?.certificateId).not.toBe(before.identity.certificate?.certificateId);
    expect(after.pid).toBe(before.pid);
    // The key worker runs beside the daemon, under the same limit (memory.peak of the cgroup, page cache included).
    const cgroup = "/sys/fs/cgroup/system.slice/causeway.service";
    console.log(`memory peak ${(Number(await guest.sh(`cat ${cgroup}/memory.peak`)) / 1e6).toFixed(0)} MB of 268`);
    expect(await guest.sh(`grep oom_kill ${cgroup}/memory.events`)).toBe("oom_kill 0\n");
    expect(contradictionsOf(guest, await settle(guest))).toEqual([]);
    expect((await keyList()).map(({ label }) => `object=${label}`)).toEqual([
      "object=device",
      after.identity.key.slice(after.identity.key.indexOf("object=")),
    ]);
    expect(guest.cloud.provisioning.of(GUEST_THING, "ACTIVE")).toHaveLength(1);
  });

  it("goes on collecting when its certificate is revoked, says so, and is enrolled again", async () => {
    const [active] = guest.cloud.provisioning.of(GUEST_THING, "ACTIVE");
    // The broker starts anew for it: what it has taken and not handed on yet would be its own loss.
    await guest.cloud.revoke(active?.certificateId ?? "");
    await guest.sh("systemctl start guest-traffic");
    const revoked = await guest.statusWhen("refused", ({ link }) => link.fault?.code.startsWith("identity.") === true);
    console.log(`${revoked.link.fault?.code}: ${revoked.link.fault?.what}`);
    expect(revoked.link.fault?.code).toBe("identity.certificate-revoked");
    const enough = revoked.outbox.records + 8;
    await guest.statusWhen("a backlog", ({ outbox }) => outbox.records >= enough);
    await guest.sh("systemctl stop causeway");
    expect(await provision("--again")).toMatchObject({ outcome: "enrolled" });
    await guest.sh("systemctl start causeway");
    await guest.statusWhen("online", ({ link }) => link.state === "online");
    expect(contradictionsOf(guest, await settle(guest))).toEqual([]);
    expect((await unitOf(guest)).NRestarts).toBe("0");
  });
});
