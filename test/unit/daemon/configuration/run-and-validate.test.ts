import { generateKeyPairSync } from "node:crypto";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkedConfig } from "../../../../agent/cli/checked-config.ts";
import { AgentError, EXIT, FAULTS } from "../../../../agent/core/errors.ts";
import { composeAgent } from "../../../../agent/daemon/compose.ts";
import { loadDaemonConfig } from "../../../../agent/daemon/configuration/layered-config.ts";
import { configJsonSchema } from "../../../../config/example.ts";
import { EVERYTHING } from "../../../../config/example-values.ts";
import { loadConfigFile } from "../../../../config/load.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { daemonHome } from "../../../fakes/daemon/daemon.ts";
import { ReleaseSigner } from "../../../fakes/updates/release.ts";

const CONFIG = join(import.meta.dirname, "../../../../config");
const ABSENT = "/nowhere/absent";
type Settings = Record<string, unknown>;

/** Paths of the schema that a start does not look at: what they name is looked for when it is used, and may come and go. */
const NOT_NEEDED =
  /^(?:stateDir|runtimeDir|identity\..*|proxy\.credentialsFile|campaigns\.folder|buses\.file|place\.sources\..*|metrics\..*|frameLog\.folder|ota\.(?:hooks|installers|jobs)\..*|power\.wake\.program|dbc\.encoding)$/;

/** A configuration with every section that names files, all of them there. */
async function whole(change: (settings: Settings) => void = () => undefined): Promise<string> {
  const home = await daemonHome((settings) => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const at = (name: string): string => join(String(settings.stateDir), "..", name);
    const { rootFile } = new ReleaseSigner(at("desk"));
    writeFileSync(at("records-key.pem"), publicKey.export({ type: "spki", format: "pem" }));
    writeFileSync(at("map.csv"), "signal,vss_path\nEngine.Speed,Vehicle.Speed\n");
    const speed = { type: "sensor", datatype: "float", unit: "km/h" };
    writeFileSync(at("vss.json"), JSON.stringify({ Vehicle: { type: "branch", children: { Speed: speed } } }));
    copyFileSync(join(CONFIG, "bench-doors.dbc"), at("doors.dbc"));
    copyFileSync(join(CONFIG, "policy.example.yaml"), at("policy.yaml"));
    copyFileSync(join(CONFIG, "catalogue.example.yaml"), at("catalogue.yaml"));
    copyFileSync(join(CONFIG, "ecus.example.yaml"), at("ecus.yaml"));
    mkdirSync(at("frames"));
    settings.buses = [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port: 1, interface: "can0" }];
    settings.dbc = [{ file: "car.dbc" }, { file: "doors.dbc" }];
    settings.vss = { release: "6.0", mappingFile: "map.csv", catalogueFile: "vss.json" };
    settings.encode = { encryption: { publicKeyFile: "records-key.pem", keyName: "key-1" } };
    settings.frameLog = { folder: "frames" };
    settings.commands = { policyFile: "policy.yaml", catalogueFile: "catalogue.yaml" };
    settings.diagnostics = {
      catalogueFile: "ecus.yaml",
      buses: [{ bus: "can0", transmit: { condition: "always" }, uds: { ecus: ["body"] } }],
    };
    settings.tunnels = { ...EVERYTHING.tunnels, caFile: "ca.pem" };
    settings.files = { hosts: ["*.example.com"], caFile: "ca.pem" };
    const gate = { condition: { signals: {}, all: ["true"] }, holdSeconds: 0 };
    settings.ota = { rootFile, hardware: "gateway-2", gate, download: { caFile: "ca.pem" } };
    settings.power = { state: { ignition: [{ from: "command" }] } };
    change(settings);
  });
  return home.config;
}

/** "a.b.c" of the fields that are paths by their names, as the published JSON Schema has them. */
function pathFields(schema: unknown, at: readonly string[] = []): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([word, below]: [string, unknown]) => {
    if (typeof below !== "object" || below === null) return [];
    if (word === "items") return pathFields(below, at);
    if (["anyOf", "oneOf", "allOf"].includes(word)) return Object.values(below).flatMap((one) => pathFields(one, at));
    if (word !== "properties") return [];
    return Object.entries(below).flatMap(([key, field]: [string, unknown]) => {
      const isPath = typeof field === "object" && field !== null && "maxLength" in field && field.maxLength === 4096;
      return isPath ? [[...at, key].join(".")] : pathFields(field, [...at, key]);
    });
  });
}

/** Another text in the fields of that name, where there are any. */
function replaceAt(value: unknown, [key, ...rest]: readonly string[], text: string): void {
  if (Array.isArray(value)) for (const item of value) replaceAt(item, [key, ...rest], text);
  else if (typeof value === "object" && value !== null && key in value) {
    if (rest.length === 0) Reflect.set(value, key, text);
    else replaceAt(Reflect.get(value, key), rest, text);
  }
}

/** What is refused with the code of a configuration that cannot be used; undefined where nothing is. */
async function refusalOf(work: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (thrown) {
    if (!(thrown instanceof AgentError) || FAULTS[thrown.code].exit !== EXIT.configuration) throw thrown;
    return thrown.message;
  }
}

/** What validate and run say of the same configuration. */
async function bothSay(change: (settings: Settings) => void) {
  const config = await whole(change);
  const clock = new ManualClock();
  const validate = await refusalOf(async () => checkedConfig(await loadConfigFile(config), { clock }));
  const run = await refusalOf(async () => {
    const context = { version: "0.1.0", clock, environment: {}, startedAtMs: 0 };
    const agent = await composeAgent(await loadDaemonConfig(config, clock, undefined), context);
    await agent.run(AbortSignal.abort());
  });
  return { validate, run };
}

describe("config validate", () => {
  const fields = [...new Set(pathFields(configJsonSchema()))].filter((field) => !NOT_NEEDED.test(field));

  it("finds nothing wrong where run starts", async () => {
    expect(await bothSay(() => undefined)).toEqual({ validate: undefined, run: undefined });
  });

  it("is asked about every path that a start looks at", () => {
    expect(fields.length).toBeGreaterThan(9);
  });

  it.each(fields)("refuses what run refuses, where nothing is at %s", async (field) => {
    const { validate, run } = await bothSay((settings) => replaceAt(settings, field.split("."), ABSENT));
    expect(validate).toContain(ABSENT);
    expect(run).toBe(validate);
  });

  it.each<[string, Settings]>([
    ["power.trip.odometer", { power: { trip: { odometer: "No.Signal" }, state: { ignition: [{ from: "command" }] } } }],
    ["power.trip.energy", { power: { trip: { energy: "No.Signal" }, state: { ignition: [{ from: "command" }] } } }],
    ["diagnostics.codes.odometer", { diagnostics: { buses: [{ bus: "can0" }], codes: { odometer: "No.Signal" } } }],
    [
      "power.state.ignition",
      {
        power: {
          state: {
            ignition: [
              { from: "signals", condition: { signals: { a: "No.Signal" }, maxAgeMs: 1000, all: ["a > 1.0"] } },
            ],
          },
        },
      },
    ],
    [
      "power.battery.signal",
      { power: { state: { ignition: [{ from: "command" }] }, sleep: {}, battery: { signal: "No.Signal" } } },
    ],
    ["place.sources", { place: { sources: [{ kind: "signals", latitude: "No.Signal", longitude: "No.Signal" }] } }],
    [
      "place.privacy.switch",
      {
        place: {
          sources: [{ kind: "gpsd" }],
          privacy: { switch: { signals: { a: "No.Signal" }, maxAgeMs: 1000, all: ["a > 1.0"] } },
        },
      },
    ],
  ])("refuses what run refuses, where %s names nothing", async (_, change) => {
    const { validate, run } = await bothSay((settings) => void Object.assign(settings, change));
    expect(validate).toContain("No.Signal");
    expect(run).toBe(validate);
  });

  it.each(["identity.certificateFile", "identity.keyFile", "frameLog.folder", "campaigns.folder"])(
    "lets pass what run starts without: %s",
    async (field) => {
      const { validate, run } = await bothSay((settings) => replaceAt(settings, field.split("."), ABSENT));
      expect({ validate, run }).toEqual({ validate: undefined, run: undefined });
    },
  );
});
