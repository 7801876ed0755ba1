import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { RequestClient } from "../../../agent/cloud/request-client.ts";
import { decodeBody, encodeBody } from "../../../agent/cloud/wire-format.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { Validity } from "../../../agent/core/validity.ts";
import { certificateFacts } from "../../../agent/identity/certificate.ts";
import { type IdentityState, identityState } from "../../../agent/identity/identity-state.ts";
import { IdentityStore } from "../../../agent/identity/identity-store.ts";
import { Renewal, type RenewalSettings } from "../../../agent/identity/renewal.ts";
import { renewalStartMs } from "../../../agent/identity/renewal-schedule.ts";
import type { Publication } from "../../../agent/ports/broker.ts";
import { openIdentityFiles } from "../../../drivers/os/identity-files.ts";
import { createAuthority } from "../../bench/cloud/certificate-authority.ts";
import { Provisioning, type ProvisioningAnswer, TEMPLATES } from "../../bench/cloud/provisioning.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";
import { FakeKeyStore } from "../../fakes/ports/key-store.ts";

const DAY_MS = 86_400_000;
const THING = "truck-1";
const SETTINGS: RenewalSettings = {
  enabled: true,
  remainingShare: 1 / 3,
  jitterShare: 0,
  newKey: true,
  checkMs: 3_600_000,
  verifyMs: 5000,
  retry: { minMs: 60_000, maxMs: 600_000 },
};

describe("renewalStartMs", () => {
  const life = { notBefore: "2026-01-01T00:00:00Z", notAfter: "2026-01-31T00:00:00Z" };
  const at = (random: number) =>
    new Date(renewalStartMs(life, { remainingShare: 1 / 3, jitterShare: 0.1 }, random)).toISOString();

  it("starts when a third of the life is left, and within a tenth of that later", () => {
    expect(at(0)).toBe("2026-01-21T00:00:00.000Z");
    expect(at(0.999)).toBe("2026-01-21T23:58:33.600Z");
  });
});

describe("Renewal", () => {
  let clock: ManualClock;
  let broker: FakeBroker;
  let keys: FakeKeyStore;
  let log: MemoryLog;
  let identityStore: IdentityStore;
  let cloud: Provisioning;
  let validity: Validity | undefined;
  let stopping: AbortController;
  let answers: (flow: string) => "silent" | ProvisioningAnswer | undefined;

  beforeEach(async () => {
    clock = new ManualClock({ wallUs: Date.now() * 1000 });
    log = new MemoryLog();
    keys = new FakeKeyStore();
    await keys.create("device", "ec-p256");
    cloud = new Provisioning(createAuthority(temporaryFolder()));
    cloud.certificates.set("old", {
      certificateId: "old",
      certificatePem: "",
      principal: "",
      state: "ACTIVE",
      thing: THING,
    });
    answers = () => undefined;
    broker = new FakeBroker({ clock, answer });
    validity = lifeOf(30);
    const files = openIdentityFiles({
      folder: join(temporaryFolder(), "identity"),
      parse: (value) => identityState.parse(value),
    });
    const old = { keyLabel: "device", certificateFile: "/old.pem", certificateId: "1".padStart(64, "0") };
    identityStore = new IdentityStore({ files, log, handInstalled: () => old });
    stopping = new AbortController();
    broker.start();
  });

  /** A life that began now. */
  function lifeOf(days: number): Validity {
    const nowMs = clock.wallUs() / 1000;
    return {
      notBefore: new Date(nowMs).toISOString(),
      notAfter: new Date(nowMs + days * DAY_MS).toISOString(),
    };
  }

  function answer({ topic, payload }: Publication) {
    const isCreate = topic.startsWith("$aws/certificates/");
    if (isCreate || topic.startsWith("$aws/provisioning-templates/")) void reply(isCreate, topic, payload);
    return { kind: "acked" } as const;
  }

  async function reply(isCreate: boolean, topic: string, payload: Uint8Array): Promise<void> {
    const body = decodeBody("json", payload);
    const given = answers(isCreate ? "create" : "register");
    if (given === "silent") return;
    const said =
      given ??
      (isCreate
        ? await cloud.createFromCsr(body)
        : await cloud.registerThing(TEMPLATES.rotation, body, () => Promise.resolve()));
    const [suffix, content] = "accepted" in said ? ["accepted", said.accepted] : ["rejected", { ...said.rejected }];
    broker.inject(`${topic}/${suffix}`, encodeBody("json", content));
  }

  function start(settings: Partial<RenewalSettings> = {}): Renewal {
    const limits = { timeoutMs: 10_000, maxPending: 10, maxAnswerBytes: 100_000 };
    const renewal = new Renewal({
      steps: {
        identityStore,
        keys,
        order: {
          thing: THING,
          tokenLabel: "bench",
          subject: { commonName: THING, uris: [], dnsNames: [] },
          algorithm: "ec-p256",
          format: "json",
          template: TEMPLATES.rotation,
          parameters: { ThingName: THING },
        },
        log,
        broker,
        requestClient: new RequestClient({ broker, clock, log, limits, token: () => "unused" }),
        announcer: { thing: THING, topic: `dt/causeway/${THING}/identity`, clock },
        clock,
      },
      random: () => 0,
      settings: { ...SETTINGS, ...settings },
      validity: () => (identityStore.inUse()?.keyLabel === "device" ? validity : lifeOf(30)),
    });
    void renewal.run(stopping.signal);
    return renewal;
  }

  const labels = async (): Promise<readonly string[]> => (await keys.list()).map(({ label }) => label);
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    await clock.run(1);
  };
  const announced = () => broker.publications.filter(({ topic }) => topic.endsWith("/identity"));

  it("waits until a third is left, then goes over to a new key and certificate and deletes the old key", async () => {
    const renewal = start();
    await clock.run(19.9 * DAY_MS);
    expect(identityStore.state().change).toBeUndefined();
    expect(renewal.status()).toMatchObject({ state: "waiting", failures: 0 });
    await clock.run(0.2 * DAY_MS);
    await settle();
    const state = identityStore.state();
    expect(state).toMatchObject({ inUse: "b", orphans: 0, discarded: [] });
    expect(state.slots.a).toBeUndefined();
    expect(await labels()).toEqual(["device-1"]);
    const [credential] = broker.credentials;
    expect(credential).toMatchObject({ keyLabel: "device-1", certificateFile: state.slots.b?.certificateFile });
    const body: unknown = JSON.parse(new TextDecoder().decode(announced()[0].payload));
    expect(body).toMatchObject({
      certificateId: state.slots.b?.certificateId,
      previousCertificateId: "1".padStart(64, "0"),
    });
    expect(log.of("identity.renewed")).toHaveLength(1);
  });

  it("does not believe a clock that nothing has set", async () => {
    clock.setQuality("unsynchronised");
    start();
    await clock.run(29 * DAY_MS);
    expect(identityStore.state().change).toBeUndefined();
    clock.setQuality("ntp");
    await clock.run(SETTINGS.checkMs);
    await settle();
    await settle();
    expect(identityStore.state().inUse).toBe("b");
  });

  it("renews at once when asked to, with the same key where the policy says so", async () => {
    const renewal = start({ newKey: false });
    await settle();
    const asked = renewal.request({ reason: "cli" });
    expect(await renewal.request({ reason: "cli" })).toMatchObject({
      kind: "failed",
      fault: { code: "identity.renewal-busy" },
    });
    await settle();
    const outcome = await asked;
    if (outcome.kind !== "renewed") throw outcome.fault;
    expect(identityStore.inUse()?.certificateId).toBe(outcome.certificateId);
    expect(await labels()).toEqual(["device"]);
  });

  it("keeps the old key until the one who asked knows", async () => {
    const renewal = start();
    await settle();
    const asked = renewal.request({ reason: "job", confirm: () => Promise.resolve(false) });
    await settle();
    expect(await asked).toMatchObject({ kind: "failed", fault: { code: "identity.renewal-unfinished" } });
    expect(identityStore.inUse()?.keyLabel).toBe("device-1");
    expect(await labels()).toEqual(["device", "device-1"]);
    await clock.run(120_000);
    await settle();
    expect(await labels()).toEqual(["device-1"]);
    expect(renewal.status()).toMatchObject({ state: "waiting", failures: 0 });
  });

  const failed = (code: string): AgentError =>
    new AgentError(code === "" ? "identity.tpm-absent" : "identity.tpm-timeout", { what: "no TPM", remedy: "none" });
  const rejection = { rejected: { statusCode: 403, errorCode: "AccessDenied", errorMessage: "no" } };
  it.each<[string, () => void, () => void]>([
    ["the key cannot be made", () => keys.failNext(failed("")), () => undefined],
    [
      "no certificate is issued",
      () => (answers = (f) => (f === "create" ? rejection : undefined)),
      () => (answers = () => undefined),
    ],
    [
      "no certificate comes",
      () => (answers = (f) => (f === "create" ? "silent" : undefined)),
      () => (answers = () => undefined),
    ],
    [
      "the thing is not registered",
      () => (answers = (f) => (f === "register" ? rejection : undefined)),
      () => (answers = () => undefined),
    ],
    [
      "the broker refuses the certificate",
      () => (broker.refuses = () => ({ code: "identity.certificate-refused", what: "no", remedy: "none" })),
      () => (broker.refuses = () => undefined),
    ],
    [
      "there is no connection with it",
      () => (broker.refuses = () => ({ code: "broker.unreachable", what: "late", remedy: "none" })),
      () => (broker.refuses = () => undefined),
    ],
  ])("goes on with the old identity when %s, and tries again later", async (_, breakIt, mend) => {
    const renewal = start();
    await settle();
    breakIt();
    const asked = renewal.request({ reason: "cli" });
    await settle();
    await clock.run(10_000);
    await settle();
    expect((await asked).kind).toBe("failed");
    expect(identityStore.inUse()?.keyLabel).toBe("device");
    expect(await labels()).toContain("device");
    expect(renewal.status()).toMatchObject({ state: "failed", failures: 1 });
    expect(log.of("identity.renewal-failed")).toHaveLength(1);
    mend();
    await clock.run(60_000);
    await settle();
    // A change that was given up is tidied first; the next one begins when it is due or asked for.
    if (identityStore.inUse()?.keyLabel === "device") {
      void renewal.request({ reason: "cli" });
      await settle();
    }
    expect(identityStore.inUse()?.keyLabel).toMatch(/^device-\d$/);
    expect(await labels()).toEqual([identityStore.inUse()?.keyLabel]);
    expect(renewal.status()).toMatchObject({ state: "waiting", failures: 0 });
  });

  it.each([
    ["broker.unreachable", "registered"],
    ["proxy.refused", "registered"],
    ["identity.certificate-refused", undefined],
  ] as const)("keeps or gives up a certificate by what %s says of it", async (code, phase) => {
    const renewal = start();
    await settle();
    broker.refuses = () => ({ code, what: "no", remedy: "none" });
    void renewal.request({ reason: "cli" });
    await settle();
    expect(log.of("identity.certificate-not-taken")).toHaveLength(1);
    expect(identityStore.state().change?.phase).toBe(phase);
  });

  it("continues a change that was cut", async () => {
    identityStore.apply({ kind: "begin", change: "renew", isNewKey: true, reason: "expiry" });
    await keys.create("device-1", "ec-p256");
    identityStore.apply({ kind: "keyed" });
    identityStore.apply({ kind: "asked" });
    start();
    await settle();
    expect(identityStore.state()).toMatchObject({ inUse: "b", orphans: 1 } satisfies Partial<IdentityState>);
    expect(await labels()).toEqual(["device-1"]);
  });

  it("asks for another certificate when the hour of the first one's token is over", async () => {
    const refuse = (flow: string) => (flow === "register" ? rejection : undefined);
    answers = refuse;
    const renewal = start({ newKey: false });
    await settle();
    void renewal.request({ reason: "cli" });
    await settle();
    expect(identityStore.state()).toMatchObject({
      orphans: 0,
      change: { phase: "issued", ownership: { isTried: false } },
    });
    // Tried again in its hour, with the same token.
    await clock.run(600_000);
    await settle();
    expect([cloud.issuedTokens.length, identityStore.state().orphans]).toEqual([1, 0]);
    answers = () => undefined;
    clock.stepWall(3_600_000_000);
    await clock.run(1_200_000);
    await settle();
    expect(cloud.issuedTokens).toHaveLength(2);
    expect(identityStore.state()).toMatchObject({ inUse: "b", orphans: 1 });
  });

  it("leaves an enrolment that was not finished to the command line", async () => {
    identityStore.apply({ kind: "begin", change: "enrol", isNewKey: true, reason: "again" });
    const renewal = start();
    await settle();
    const asked = renewal.request({ reason: "cli" });
    await settle();
    expect(await asked).toMatchObject({ kind: "failed", fault: { code: "identity.renewal-busy" } });
    expect(identityStore.state().change?.kind).toBe("enrol");
  });

  it("ends with the agent, and says so to the one who asked", async () => {
    answers = () => "silent";
    const renewal = start();
    await settle();
    const asked = renewal.request({ reason: "cli" });
    await settle();
    stopping.abort();
    await settle();
    expect(await asked).toMatchObject({ kind: "failed", fault: { code: "identity.renewal-unfinished" } });
  });

  it("knows the certificate by its own digest", async () => {
    const created = await cloud.createFromCsr({
      certificateSigningRequest: await keys.request("device", { commonName: THING, uris: [], dnsNames: [] }),
    });
    if (!("accepted" in created)) throw new Error("refused");
    const { certificateId, certificatePem } = created.accepted;
    expect(certificateFacts(new X509Certificate(String(certificatePem))).certificateId).toBe(certificateId);
  });
});
