import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { z } from "zod";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { until } from "../../bench/core/wait.ts";
import { startTpm, type Tpm } from "../../bench/tpm/tpm.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { type DaemonHome, daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const canary = (): string => randomBytes(16).toString("hex");
const bundle = z.looseObject({
  schemaVersion: z.literal(1),
  about: z.object({ version: z.string(), thing: z.string(), bootId: z.string(), clockQuality: z.string() }),
  config: z.looseObject({ thingName: z.string() }),
  identity: z.array(z.looseObject({ check: z.string(), verdict: z.string() })),
  status: z.looseObject({}),
  /** Absent where no agent runs. */
  checks: z.array(z.object({ check: z.string(), verdict: z.string() })).default([]),
  log: z.array(z.looseObject({ event: z.string() })),
});

const withoutAgent = z.object({
  buses: z.object({ configured: z.array(z.looseObject({ name: z.string() })), interfaces: z.array(z.unknown()) }),
  network: z.object({ interfaces: z.array(z.object({ name: z.string(), addresses: z.array(z.string()) })) }),
});

const doctorReport = z.object({
  checks: z.array(z.object({ check: z.string(), verdict: z.string(), what: z.string() })),
});

/** Everything that the agent does for others. Nobody serves the port of the tunnel, nor the store. */
const SERVICES = {
  programs: { unnamed: {} },
  shadows: { state: {} },
  metrics: { scrape: { socketFile: "metrics.sock" }, textFile: { folder: "." }, health: {} },
  defender: {},
  security: {},
  files: { hosts: ["127.0.0.1:1"] },
  tunnels: { services: { SSH: 1 }, regions: ["eu-central-1"], consent: true, notify: true },
  shutdown: { drainMs: 0 },
};

describe("causeway diag collect, on a vehicle with a TPM", () => {
  let folder: string;
  let tpm: Tpm;
  const secrets = {
    "claim key": canary(),
    parameter: canary(),
    "signed URL": canary(),
    "token of a tunnel": canary(),
    "query of a URL": canary(),
    "value of a program": canary(),
  };
  const vin = "WVWZZZ1JZXW000001";

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "causeway-bundle-"));
    tpm = await startTpm({ folder: join(folder, "tpm") });
  });
  afterAll(async () => {
    await tpm.stop();
    await rm(folder, { recursive: true });
  });

  async function vehicle(services: object = {}, allow: readonly object[] = []): Promise<DaemonHome> {
    const authority = createAuthority(join(folder, "ca"));
    const issued = await authority.issue({ commonName: "veh-1", usage: "client", publicKeyPem: tpm.publicKeyPem });
    const { certificateFile } = writeIdentity(join(folder, "identity"), "device", issued);
    const { tokenLabel, keyLabel, pinFile, storeDir, tcti } = tpm;
    const home = await daemonHome((config) => {
      config.identity = { mode: "pkcs11", tokenLabel, keyLabel, certificateFile, pinFile, storeDir, tcti, vin };
      config.provisioning = { template: "fleet", parameters: { Secret: secrets.parameter } };
      config.commands = { policyFile: "policy.yaml" };
      Object.assign(config, services);
    });
    writeFileSync(join(home.folder, "policy.yaml"), stringify({ schemaVersion: 1, allow }));
    const identityFolder = join(home.folder, "state", "identity");
    mkdirSync(identityFolder, { recursive: true, mode: 0o700 });
    writeFileSync(join(identityFolder, "claim.key"), secrets["claim key"], { mode: 0o600 });
    return home;
  }

  async function request(home: DaemonHome, action: string, given: object): Promise<void> {
    const file = join(home.folder, "request.json");
    writeFileSync(
      file,
      JSON.stringify({ schemaVersion: 1, action, arguments: given, issuedAtMs: Date.now(), timeoutMs: 60_000 }),
    );
    await runCli(["commands", "run", file, "--config", home.config]);
  }

  async function collect(home: DaemonHome) {
    const file = join(home.folder, "bundle.json.gz");
    const surroundings = { clock: systemClock(), environment: { ...process.env, ...tpm.environment } };
    const { stdout } = await runCli(["diag", "collect", "-o", file, "--json", "--config", home.config], surroundings);
    const content = readFileSync(file);
    const told = z.object({ bytes: z.number(), sha256: z.string() }).parse(JSON.parse(stdout));
    expect(told).toEqual({ bytes: content.length, sha256: createHash("sha256").update(content).digest("hex") });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    return gunzipSync(content).toString();
  }

  it("tells configuration, self-test, status, commands and log of the running agent, and no secret", async () => {
    const home = await vehicle();
    await startDaemon(home, tpm.environment);
    await request(home, "signals.last", { token: secrets["signed URL"] });

    const text = await collect(home);
    const { config, identity, status, log, ...rest } = bundle.parse(JSON.parse(text));
    expect(config.thingName).toBe("veh-1");
    expect(identity.filter(({ verdict }) => verdict === "fail")).toEqual([]);
    expect(identity.map(({ check }) => check)).toContain("key");
    expect(status).toHaveProperty("link.state");
    expect(log.map(({ event }) => event)).toContain("agent.started");
    expect(rest.commands).toMatchObject({
      ledger: { kind: "sound", commands: 1 },
      newest: [{ action: "signals.last", channel: "local", status: "REJECTED", reason: "ACCESS_DENIED" }],
    });
    expectNoSecret(text);
  }, 120_000);

  it("has each service that is on, judged as doctor judges it, and none of their secrets", async () => {
    const home = await vehicle(SERVICES, [{ action: "file.upload" }]);
    const daemon = await startDaemon(home, tpm.environment);
    await request(home, "tunnel.open", { token: secrets["token of a tunnel"], region: "eu-central-1" });
    const url = `https://127.0.0.1:1/bucket/car.dbc?X-Amz-Signature=${secrets["query of a URL"]}`;
    await request(home, "file.upload", { kind: "dbc", url });
    const value = `secret=${secrets["value of a program"]}`;
    await runCli(["publish", value, "--config", home.config], { clock: systemClock(), environment: process.env });
    const isRefused = async () => (await daemon.status()).files?.uploads[0]?.problem;
    await until(isRefused, { what: "the store does not answer", timeoutMs: 30_000 });

    const text = await collect(home);
    const { status, checks, config } = bundle.parse(JSON.parse(text));
    expect(Object.keys(config)).toEqual(expect.arrayContaining(Object.keys(SERVICES)));
    const ofServices = ["programs", "shadows", "defender", "security", "files", "tunnels", "metrics"];
    expect(Object.keys(status)).toEqual(expect.arrayContaining(ofServices));
    expect(checks.map(({ check, verdict }) => `${verdict} ${check}`)).toEqual([
      "pass delivery",
      "warn security",
      "pass defender",
      "pass programs",
      "pass shadow",
      "warn uploads",
      "pass tunnels",
      "pass metrics",
      "pass metrics",
    ]);
    expectNoSecret(text + daemon.lines.join(""));

    const surroundings = { clock: systemClock(), environment: { ...process.env, ...tpm.environment } };
    const { stdout } = await runCli(["doctor", "--json", "--config", home.config], surroundings);
    const told = doctorReport.parse(JSON.parse(stdout)).checks.map(({ check, verdict }) => `${verdict} ${check}`);
    expect(told).toEqual(
      expect.arrayContaining(["warn services", ...checks.map(({ check, verdict }) => `${verdict} ${check}`)]),
    );
    expectNoSecret(stdout);
  }, 120_000);

  it("has a self-test of commands beside it: policy, catalogue and ledger", async () => {
    const home = await vehicle();
    const surroundings = { clock: systemClock(), environment: { ...process.env, ...tpm.environment } };
    const doctor = async (): Promise<readonly string[]> => {
      const { stdout } = await runCli(["doctor", "--json", "--config", home.config], surroundings);
      const { checks } = doctorReport.parse(JSON.parse(stdout));
      return checks
        .filter(({ check }) => ["policy", "catalogue", "ledger"].includes(check))
        .map(({ check, verdict, what }) => `${check} ${verdict} ${what.replace(home.folder, "")}`);
    };
    const [policy, catalogue] = [
      "policy warn 0 keys pinned, 0 rules: nothing that acts can be asked for",
      "catalogue pass 0 actions that write to a bus",
    ];
    const [, , ledger] = await doctor();
    expect(ledger).toMatch(/^ledger warn /);
    const daemon = await startDaemon(home, tpm.environment);
    expect(await doctor()).toEqual([policy, catalogue, "ledger pass readable, 0 of 20000 commands remembered"]);

    // A ledger that is gone, and a policy that is none.
    await daemon.child.stop();
    rmSync(join(home.folder, "state", "journal.db"));
    const again = await startDaemon(home, tpm.environment);
    expect((await doctor()).at(-1)).toMatch(/^ledger fail it was lost: .*journal\.db was gone$/);
    await again.child.stop();
    writeFileSync(join(home.folder, "policy.yaml"), "schemaVersion: 1\nallow: 7\n");
    expect((await doctor())[0]).toMatch(/^policy fail \/policy\.yaml:2:1 allow: /);
  }, 180_000);

  it("tells what can be told without the agent", async () => {
    const home = await vehicle();
    const text = await collect(home);
    const { identity, status, log } = bundle.parse(JSON.parse(text));
    expect(identity.map(({ check }) => check)).toContain("certificate");
    expect(status).toMatchObject({ fault: { code: "agent.not-running" } });
    // There is no journal on this machine; with one these are its lines.
    expect(log).toEqual([]);
    const { buses, network } = withoutAgent.parse(JSON.parse(text));
    expect(buses.configured).toEqual([{ name: "can0", driver: "replay" }]);
    expect(network.interfaces.map(({ name }) => name)).toContain("lo");
    for (const { address } of Object.values(networkInterfaces()).flatMap((list = []) => list)) {
      if (address.length > 8 && !address.startsWith("127.")) expect(text).not.toContain(address);
    }
    expectNoSecret(text);
  }, 120_000);

  function expectNoSecret(text: string): void {
    const pin = readFileSync(tpm.pinFile, "utf8").trim();
    for (const [name, secret] of Object.entries({ ...secrets, pin, vin })) {
      expect({ name, isShown: text.includes(secret) }).toEqual({ name, isShown: false });
    }
  }
});
