import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { writeIdentity } from "../cloud/certificate-authority.ts";
import { DEPOT } from "../consumers/day/fence-judge.ts";
import { DAY_HARDWARE, DAY_INSTALLER, DAY_THING, type DayCloud } from "./day-cloud.ts";
import { DAY_LINK, type DayModem } from "./day-modem.ts";
import type { DayPlan } from "./day-plan.ts";
import type { VanProcess } from "./van-client.ts";
import { pointOf } from "./van-drive.ts";

const VAN_DBC = join(import.meta.dirname, "van.dbc");

/** Folders and parts that the agent's configuration names. */
export type DayHome = {
  /** Of the day; the configuration lies in it. */
  readonly folder: string;
  readonly stateDir: string;
  readonly runtimeDir: string;
  readonly pulseFile: string;
  readonly plan: DayPlan;
  readonly cloud: DayCloud;
  readonly van: Pick<VanProcess, "busPort" | "receiverPort">;
  readonly modem: DayModem;
};

/** Where the program that installs updates writes what it was called for: a word and the vehicle time, ms, a line each. */
export function installsFile(folder: string): string {
  return join(folder, "installs");
}

/** Writes the agent's configuration with all that it names, and gives its path. */
export async function writeDayConfig(home: DayHome): Promise<string> {
  const { folder, cloud } = home;
  copyFileSync(VAN_DBC, join(folder, "van.dbc"));
  mkdirSync(join(folder, "campaigns"), { recursive: true });
  writeFileSync(join(folder, "campaigns", "braking.yaml"), stringify(brakingCampaign()));
  writeFileSync(join(folder, "catalogue.yaml"), stringify(catalogue()));
  const allow = [{ action: "*", ratePerMinute: 60 }];
  writeFileSync(join(folder, "policy.yaml"), stringify({ schemaVersion: 1, keys: [cloud.key.pinned], allow }));
  const installer = join(folder, "install-gauge");
  const say =
    'const { openSync, readSync } = require("node:fs"); const pulse = new Float64Array(4);' +
    "readSync(openSync(process.argv[2]), pulse, 0, 32, 0); console.log(process.argv[1], pulse[1])";
  const call = `exec "${process.execPath}" -e '${say}' "$1" "${home.pulseFile}" >>"${installsFile(folder)}"`;
  writeFileSync(installer, `#!/bin/sh\n${call}\n`);
  chmodSync(installer, 0o755);
  const issued = await cloud.authority.issue({ commonName: DAY_THING, usage: "client" });
  const identity = { mode: "file", ...writeIdentity(folder, "device", issued) };
  const file = join(folder, "agent.yaml");
  writeFileSync(file, stringify({ ...configOf(home, installer), identity }));
  return file;
}

function configOf({ folder, stateDir, runtimeDir, plan, cloud, van, modem }: DayHome, installer: string): object {
  const parked = { signals: { ignition: "VanBody.Ignition" }, all: ["ignition < 0.5"], maxAgeMs: 10_000 };
  return {
    thingName: DAY_THING,
    bench: true,
    stateDir,
    runtimeDir,
    buses: [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port: van.busPort, interface: "can0" }],
    dbc: [{ file: "van.dbc" }],
    collect: {
      rules: [
        { signals: "VanTime.SinceStart", mode: "every", ms: 0 },
        ...["VanMotion.*", "VanBody.*", "DoorStatus.*", "location.*"].map((signals) => ({
          signals,
          mode: "on-change",
        })),
      ],
      // Seconds of the van: a record in some 100 ms of the machine.
      batchMs: 10_000,
      timeResolutionUs: 1,
    },
    campaigns: { folder: join(folder, "campaigns") },
    // Waits of the library are of the machine, those of the agent of the van.
    broker: {
      host: "localhost",
      port: cloud.proxy.port,
      caFile: cloud.mosquitto.caFile,
      keepAliveSeconds: 30,
      reconnect: { minMs: 5000, maxMs: 60_000 },
      sessionExpirySeconds: 86_400,
    },
    link: {
      modemManager: {},
      busAddress: modem.busAddress,
      budgets: [{ link: DAY_LINK, use: ["capture"], roaming: "hold" }],
    },
    files: { hosts: [`127.0.0.1:${cloud.store.port}`], caFile: cloud.authority.caFile },
    commands: { policyFile: "policy.yaml", catalogueFile: "catalogue.yaml" },
    ota: {
      rootFile: cloud.signer.rootFile,
      hardware: DAY_HARDWARE,
      gate: { condition: parked, holdSeconds: 5 },
      download: { caFile: cloud.authority.caFile },
      installers: [{ name: DAY_INSTALLER, program: installer, timeoutSeconds: 3600 }],
      healthCheck: { withinSeconds: 280, offlineSeconds: 200 },
    },
    ...vehicleSections(plan, van),
  };
}

function vehicleSections(plan: DayPlan, { receiverPort }: DayHome["van"]): object {
  const { file } = plan;
  const { road } = file;
  const depot = plan.trips[0]?.metres ?? 0;
  const condition = { signals: { ignition: "VanBody.Ignition" }, all: ["ignition > 0.5"], maxAgeMs: 5000 };
  return {
    // Who keeps this machine's clock knows nothing of the van's: of those that can be named hardly any machine has this one.
    time: { sources: ["ptp"] },
    power: {
      state: { ignition: [{ from: "signals", condition }], asleepAfterSeconds: file.asleepAfterSeconds },
      trip: { odometer: "VanMotion.Odometer", energy: "VanBody.Charge" },
      // Of the van's time: a second of the machine.
      sleep: { budgetMs: 60_000, wakesBuses: ["can0"] },
      wake: { checkIns: { everyHours: file.checkInHours } },
    },
    place: {
      sources: [{ kind: "nmea-tcp", host: "127.0.0.1", port: receiverPort }],
      staleSeconds: 30,
      fences: [{ name: DEPOT, circle: { ...pointOf(plan, depot), radiusMetres: road.depotMetres } }],
      privacy: { zones: [{ circle: { ...pointOf(plan, 0), radiusMetres: road.privateMetres } }] },
    },
  };
}

function brakingCampaign(): object {
  return {
    schemaVersion: 1,
    id: "hard-brake",
    version: 1,
    inputs: { brake: "VanBody.HardBrake" },
    trigger: { condition: "brake > 0.5", mode: "rising", minIntervalMs: 10_000, beforeMs: 10_000, afterMs: 5000 },
    frames: [{ bus: "can0" }],
  };
}

function catalogue(): object {
  const condition = { signals: { speed: "VanMotion.Speed" }, maxAgeMs: 5000, all: ["speed < 3.0"] };
  return {
    schemaVersion: 1,
    actions: [
      {
        name: "doors.unlock",
        kind: "actuate",
        summary: "unlock all doors",
        bus: "can0",
        message: "DoorCommand",
        signals: { Lock: 2, Alive: { counter: true }, Spare: 0, Check: { checksum: "xor8" } },
        repeat: { count: 3, everyMs: 200 },
        condition,
        confirm: { signal: "DoorStatus.Locked", equals: 0, withinMs: 10_000 },
      },
    ],
  };
}
