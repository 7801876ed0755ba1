import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { campaignText } from "../../../agent/commands/campaign-rights.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { until } from "../../bench/core/wait.ts";
import { type CommandCloud, startCommandCloud } from "../../fakes/commands/command-cloud.ts";
import { signingKey } from "../../fakes/commands/signing-key.ts";
import { type Daemon, daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const PATIENCE_MS = 20_000;
const COLLECT = [{ signals: "Engine.Speed", mode: "every", ms: 100 }];
const EVERYBODY = { schemaVersion: 1, allow: [{ action: "*" }] };

const reported = z.object({
  campaigns: z
    .record(
      z.string(),
      z.object({ version: z.int(), state: z.string(), digest: z.string().optional(), reason: z.string().optional() }),
    )
    .default({}),
});

describe("campaigns by the named shadow, from the cloud to the vehicle and back", { timeout: 120_000 }, () => {
  let folder: string;
  let cloud: CommandCloud;
  let proxy: TcpProxy;
  let port: number;
  let vehicles = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-shadow-"));
    cloud = await startCommandCloud(folder, ["veh-1", "veh-2", "veh-3", "veh-4", "veh-5", "veh-6"]);
    proxy = new TcpProxy({ host: "127.0.0.1", port: cloud.mosquitto.port });
    port = await proxy.start();
  });
  afterEach(() => proxy.restore());
  afterAll(async () => {
    await proxy.stop();
    await cloud.stop();
    await rm(folder, { recursive: true });
  });

  async function vehicle(policy: unknown = EVERYBODY, more: object = {}) {
    vehicles += 1;
    const thing = `veh-${vehicles}`;
    const issued = await cloud.authority.issue({ commonName: thing, usage: "client" });
    const { certificateFile, keyFile } = writeIdentity(join(folder, thing), thing, issued);
    const home = await daemonHome((config) => {
      config.thingName = thing;
      const reconnect = { minMs: 100, maxMs: 1000 };
      config.broker = { host: "localhost", port, caFile: cloud.mosquitto.caFile, reconnect };
      config.identity = { mode: "file", certificateFile, keyFile };
      config.commands = { policyFile: "policy.yaml", ...more };
      config.campaigns = { cloud: { reportSeconds: 1 } };
    });
    await writeFile(join(home.folder, "policy.yaml"), stringify(policy));
    const desire = (campaigns: object): Promise<void> =>
      cloud.shadows.update(thing, "campaigns", { state: { desired: { campaigns } } });
    return { home, thing, desire };
  }

  const document = (id: string, version: number, part: object = {}): object => ({
    schemaVersion: 1,
    id,
    version,
    collect: COLLECT,
    ...part,
  });
  const told = (thing: string): z.infer<typeof reported>["campaigns"] =>
    reported.parse(cloud.shadows.shadow(thing, "campaigns")?.state.reported ?? {}).campaigns;
  const shown = (thing: string): string =>
    Object.entries(told(thing))
      .map(([id, { version, state }]) => `${id}@${version} ${state}`)
      .toSorted()
      .join(", ");
  const says = (thing: string, expected: string): Promise<true> =>
    until(() => (shown(thing) === expected ? true : undefined), {
      what: `the vehicle reports ${JSON.stringify(expected)}`,
      timeoutMs: PATIENCE_MS,
    });
  const events = (daemon: Daemon, event: string): number =>
    daemon.lines.filter((line) => line.includes(`"event":"${event}"`)).length;

  it("takes, replaces and removes one and touches no other, and tells what runs", async () => {
    const { home, thing, desire } = await vehicle();
    await desire({ one: document("one", 1), two: { document: stringify(document("two", 1)) } });
    const daemon = await startDaemon(home);
    await says(thing, "one@1 running, two@1 running");
    const before = told(thing).one;
    await desire({ two: { document: stringify(document("two", 2)) } });
    await says(thing, "one@1 running, two@2 running");
    expect(told(thing).one).toEqual(before);
    await desire({ two: { document: "schemaVersion: 9\nid: two\nversion: 3\n" }, bad: { document: "id: [" } });
    await says(thing, "bad@0 refused, one@1 running, two@2 running");
    expect(told(thing).bad?.reason).toMatch(/bad:1:6 /);
    expect(told(thing).two?.reason).toMatch(/^version 0 of cloud: two:1:1 schemaVersion: /);
    await desire({ one: null, bad: null });
    await says(thing, "two@2 running");
    // The last one: nothing is desired any more, and no delta is published.
    cloud.shadows.isDeltaFirst = true;
    await desire({ two: null });
    await says(thing, "");
    expect(cloud.shadows.shadow(thing, "campaigns")?.state.desired).toBeUndefined();
    expect(events(daemon, "campaign.shadow-failed")).toBe(0);
    const updates = cloud.shadows.requests.filter(({ operation }) => operation === "update").length;
    expect(updates).toBeLessThan(12);
  });

  it("keeps the set over a restart without a link, and catches up with what changed meanwhile", async () => {
    const { home, thing, desire } = await vehicle();
    await desire({ stays: document("stays", 1), goes: document("goes", 1) });
    const first = await startDaemon(home);
    await says(thing, "goes@1 running, stays@1 running");
    await first.child.stop();
    await proxy.cut();
    await desire({ goes: null, comes: document("comes", 1) });
    const second = await startDaemon(home);
    expect((await second.status()).link.state).not.toBe("online");
    expect(second.lines.join("\n")).toContain('"event":"campaign.found","source":"cloud","campaigns":2');
    await proxy.restore();
    await says(thing, "comes@1 running, stays@1 running");
  });

  it("keeps what runs when the shadow is deleted, until there is a list again", async () => {
    const { home, thing, desire } = await vehicle();
    await desire({ kept: document("kept", 1) });
    const daemon = await startDaemon(home);
    await says(thing, "kept@1 running");
    await cloud.shadows.delete(thing, "campaigns");
    await until(() => (events(daemon, "campaign.list-gone") > 0 ? true : undefined), {
      what: "the vehicle has seen that the list is gone",
      timeoutMs: PATIENCE_MS,
    });
    expect(cloud.shadows.shadow(thing, "campaigns")).toBeUndefined();
    await desire({ other: document("other", 1) });
    await says(thing, "other@1 running");
  });

  it("reports again after a conflict and after answers that do not come", async () => {
    const { home, thing, desire } = await vehicle();
    await desire({ one: document("one", 1) });
    cloud.shadows.disturb({ code: 500, message: "Internal service failure" }, { code: 429, message: "slow down" });
    const daemon = await startDaemon(home);
    await says(thing, "one@1 running");
    cloud.shadows.disturb("pass", { code: 409, message: "Version conflict" });
    await desire({ one: document("one", 2) });
    await says(thing, "one@2 running");
    expect(events(daemon, "campaign.shadow-failed")).toBe(2);
  });

  it("takes a document that is too long for the shadow by its topic, whichever comes first", async () => {
    const { home, thing, desire } = await vehicle();
    const collect = Array.from({ length: 300 }, (_, at) => ({ signals: `Engine.*${at}`, mode: "every", ms: 100 }));
    const text = stringify(document("long", 1, { collect: [...COLLECT, ...collect] }));
    expect(text.length).toBeGreaterThan(8192);
    const sha256 = createHash("sha256").update(text).digest("hex");
    await startDaemon(home);
    await desire({ long: { sha256 } });
    await until(() => (told(thing).long?.reason?.startsWith("awaited") === true ? true : undefined), {
      what: "the vehicle waits for the document",
      timeoutMs: PATIENCE_MS,
    });
    const publish = (given: string): Promise<void> =>
      cloud.publish(`cmd/causeway/${thing}/campaigns/long/document`, new TextEncoder().encode(given));
    await publish(`${text}# changed on the way\n`);
    await publish(text);
    await says(thing, "long@1 running");
  });

  it("asks for a signature where the policy does, and where the campaign samples positions", async () => {
    const key = signingKey("fleet");
    const allow = [{ action: "campaign.set" }];
    const policy = { schemaVersion: 1, keys: [key.pinned], allow };
    const locate = { latitude: "Engine.Speed", longitude: "Engine.Counter" };
    const { home, thing, desire } = await vehicle(policy, { locate });
    const text = stringify(document("where", 1));
    const sha256 = createHash("sha256").update(text).digest("hex");
    const signed = campaignText({ id: "where", version: 1, sha256 });
    // As text: as an object it would have more levels than a shadow may.
    const free = document("free", 1, {
      collect: [],
      inputs: {},
      trigger: { condition: "true" },
      frames: [{ bus: "can0", ids: [{ id: 1 }] }],
    });
    await desire({ where: { document: text }, free: { document: stringify(free) } });
    await startDaemon(home);
    await says(thing, "free@1 running, where@1 refused");
    expect(told(thing).where?.reason).toBe("SIGNATURE_MISSING: campaign.set needs a signature here");
    const signatures = [key.signText(signed)];
    await desire({ where: { document: `${text}\n`, signatures } });
    await until(() => (told(thing).where?.reason?.startsWith("SIGNATURE_INVALID") === true ? true : undefined), {
      what: "the vehicle refuses a signature over another text",
      timeoutMs: PATIENCE_MS,
    });
    await desire({ where: { document: text, signatures } });
    await says(thing, "free@1 running, where@1 running");
  });
});
