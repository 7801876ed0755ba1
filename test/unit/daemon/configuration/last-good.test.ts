import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { keepAsLastGood } from "../../../../agent/daemon/configuration/last-good.ts";
import { loadDaemonConfig, problemOfSet } from "../../../../agent/daemon/configuration/layered-config.ts";
import { configProblems } from "../../../../agent/local-api/config-problems.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { type DaemonHome, daemonHome } from "../../../fakes/daemon/daemon.ts";

const SEED = 20_261_129;
const MUTATIONS = Number(process.env.CAUSEWAY_TEST_CONFIG_MUTATIONS ?? 200);

/** A vehicle with files of every kind that a configuration is made of, and the copy of what it started well with. */
async function vehicle(change: (config: Record<string, unknown>) => void = () => undefined) {
  const home = await daemonHome((config) => {
    Object.assign(config, { commands: { policyFile: "policy.yaml", catalogueFile: "catalogue.yaml" } });
    change(config);
  });
  const at = (name: string): string => join(home.folder, name);
  mkdirSync(at("agent.d"));
  writeFileSync(at("agent.d/10-collect.yaml"), "collect:\n  batchMs: 500\noutbox: { maxBytes: 5000000 }\n");
  writeFileSync(at("policy.yaml"), "schemaVersion: 1\nallow:\n  - action: signals.read\n  - action: system.reboot\n");
  writeFileSync(at("catalogue.yaml"), "schemaVersion: 1\nactions: []\n");
  const environment = { STATE_DIRECTORY: at("state") };
  const clock = new ManualClock();
  const log = new MemoryLog();
  const good = await loadDaemonConfig(home.config, clock, environment);
  await keepAsLastGood(good, clock, log);
  expect(log.entries).toEqual([]);
  return { home, at, clock, good, load: () => loadDaemonConfig(home.config, clock, environment) };
}

/** One way in which a file comes out of a power cut, a bad flash block or an editor. */
function mutate(bytes: Buffer, random: () => number): Buffer {
  const pick = (below: number): number => Math.floor(random() * below);
  const at = pick(bytes.length);
  switch (pick(6)) {
    case 0:
      return bytes.subarray(0, at);
    case 1:
      return Buffer.alloc(0);
    case 2:
      return Buffer.alloc(bytes.length);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from("\n\t- {:\n"), bytes.subarray(at)]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), Buffer.from(bytes.subarray(at)).fill(0xff)]);
    default: {
      const flipped = Buffer.from(bytes);
      flipped[at] ^= 1 << pick(8);
      return flipped;
    }
  }
}

function damage(file: string, random: () => number): () => void {
  const before = readFileSync(file);
  if (random() < 0.05) rmSync(file);
  else writeFileSync(file, mutate(before, random));
  return () => writeFileSync(file, before);
}

describe("a configuration that is damaged after the agent has started well with it", () => {
  it(`keeps no vehicle mute: ${MUTATIONS} mutations, seed ${SEED}`, { timeout: 60_000 }, async () => {
    const { home, at, clock, good, load } = await vehicle();
    const random = seededRandom(SEED);
    const names = ["agent.yaml", "agent.d/10-collect.yaml", "car.dbc", "ca.pem", "policy.yaml", "catalogue.yaml"];
    let copies = 0;
    for (let n = 0; n < MUTATIONS; n++) {
      const name = names[Math.floor(random() * names.length)];
      const mend = damage(at(name), random);
      const strict = await loadDaemonConfig(home.config, clock).catch((thrown: unknown) => thrown);
      const loaded = await load();
      const isRefused = strict instanceof AgentError;
      expect(loaded.copy !== undefined, `mutation ${n} of ${name}`).toBe(isRefused);
      if (isRefused) {
        copies += 1;
        expect(loaded.config.collect).toEqual(good.config.collect);
        expect(loaded.config.broker.host).toBe(good.config.broker.host);
        expect(loaded.checkedTable.table.id).toBe(good.checkedTable.table.id);
        expect(loaded.snapshot).toBeUndefined();
        expect(configProblems(loaded).map(({ event }) => event)).toEqual(["config.unusable"]);
      }
      mend();
    }
    expect(copies).toBeGreaterThan(MUTATIONS / 2);
    expect((await load()).copy).toBeUndefined();
  });

  it("keeps what the DBC files say beyond the signal table only where a catalogue looks it up", async () => {
    const { good } = await vehicle();
    expect(good.checkedTable.sources).toHaveLength(1);
    const home = await daemonHome();
    expect((await loadDaemonConfig(home.config, new ManualClock())).checkedTable.sources).toEqual([]);
  });

  it("is told with its first fault, the age of the copy and what it costs", async () => {
    const { home, load } = await vehicle();
    writeFileSync(home.config, "thingName: [\n");
    const [problem] = configProblems(await load());
    expect(problem.what).toMatch(
      /^the configuration cannot be used, and the one of 20\d\d-.*Z is in force: .*agent\.yaml:/,
    );
    expect(problem.remedy).toContain(`causeway config validate --config ${home.config}`);
    expect(problem.remedy).toContain("commands that act are refused");
  });

  it("lets nobody act by what the copy allowed: no catalogue, no programs of jobs", async () => {
    const { home, load } = await vehicle();
    writeFileSync(home.config, "");
    const { config } = await load();
    expect(config.commands?.catalogueFile).toBeUndefined();
    expect(config.commands?.policyFile).toBe(join(home.folder, "policy.yaml"));
  });

  it("lets nobody change it by what the copy allowed: no settings of jobs, no sets", async () => {
    const { home, at, clock, load } = await vehicle();
    mkdirSync(at("draft/agent.d"), { recursive: true });
    writeFileSync(at("draft/agent.d/settings.yaml"), "collect: { batchMs: 250 }\n");
    expect(await problemOfSet(await load(), "files", at("draft"), clock)).toBeUndefined();
    writeFileSync(home.config, "");
    for (const layer of ["settings", "files"] as const)
      expect(await problemOfSet(await load(), layer, at("draft"), clock)).toMatch(/^the vehicle's own configuration/);
  });

  it("ends the start when nothing was kept, when the copy is damaged too, and when it is of another file", async () => {
    const { home, at, load } = await vehicle();
    writeFileSync(home.config, "");
    writeFileSync(at("state/last-good/current/agent.yaml"), "thingName: veh-1\n");
    await expect(load()).rejects.toThrow(/thingName.*[\s\S]*and the last known good configuration does not help/);
    rmSync(at("state/last-good"), { recursive: true });
    await expect(load()).rejects.toThrow(/thingName/);
  });

  it("is not kept where it is larger than lastGood.maxBytes", async () => {
    const home: DaemonHome = await daemonHome((config) => Object.assign(config, { lastGood: { maxBytes: 100 } }));
    const [clock, log] = [new ManualClock(), new MemoryLog()];
    await keepAsLastGood(await loadDaemonConfig(home.config, clock), clock, log);
    expect(log.entries).toHaveLength(1);
    expect(log.entries[0].facts.what).toMatch(/lastGood\.maxBytes: 100/);
  });
});
