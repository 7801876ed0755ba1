import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ModemFacts } from "../../../../agent/ports/link-facts.ts";
import { ModemManager } from "../../../../drivers/dbus/modem-manager.ts";
import { NetworkManager } from "../../../../drivers/dbus/network-manager.ts";
import { SystemBus } from "../../../../drivers/dbus/system-bus.ts";
import { systemClock } from "../../../../drivers/os/time-source.ts";
import { startChild } from "../../../bench/core/child.ts";
import { type PrivateBus, startPrivateBus } from "../../../bench/core/private-bus.ts";
import { type ModemServices, startModemServices } from "../../../bench/vehicle/modem-services.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const MODEM_MANAGER = "/usr/sbin/ModemManager";
const LTE = 1 << 14;
const NR = 1 << 15;
const CONNECTED = {
  state: 11,
  technologies: LTE | NR,
  signal: 67,
  ports: [
    ["ttyUSB2", 3],
    ["cdc-wdm0", 6],
    ["wwan0", 2],
  ],
  registration: 1,
  operator: "Example Mobile",
  code: "26201",
  rsrp: -95.5,
  rsrq: -11,
} as const;

let folder: string;
let daemon: PrivateBus;
let log: MemoryLog;
let bus: SystemBus;
const ending: (() => Promise<void> | void)[] = [];

beforeEach(async () => {
  folder = temporaryFolder();
  daemon = await startPrivateBus(join(folder, "d"));
  log = new MemoryLog();
  bus = new SystemBus({ address: daemon.address, clock: systemClock(), log, random: () => 0 });
});
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
  await bus.close();
  await daemon.stop();
});

async function services(): Promise<ModemServices> {
  const stub = await startModemServices(daemon.address, folder);
  ending.push(() => stub.stop());
  return stub;
}

/** What ModemManager's client was told last. */
function modems(signalSeconds = 0): () => readonly ModemFacts[] | undefined | "nothing" {
  let told: readonly ModemFacts[] | undefined | "nothing" = "nothing";
  const client = new ModemManager({ bus, signalSeconds, clock: systemClock(), log });
  client.start((found) => {
    told = found;
  });
  ending.push(() => client.stop());
  return () => told;
}

describe("modems by ModemManager", () => {
  it("are told with all that it says of them, when it comes and when something changes", async () => {
    const stub = await services();
    const told = modems();
    expect(told()).toBe("nothing");
    await stub.tell({ own: ["mm"], modem: CONNECTED });
    await expect.poll(told).toEqual([
      {
        interfaces: ["wwan0"],
        state: "connected",
        failure: "",
        registration: "home",
        operator: "Example Mobile",
        technology: "5g lte",
        signalPercent: 67,
        rsrpDbm: -95.5,
        rsrqDb: -11,
      },
    ]);
    await stub.tell({ modem: { ...CONNECTED, registration: 5, operator: "", bearer: "qmapmux0.0" } });
    await expect
      .poll(told)
      .toMatchObject([{ registration: "roaming", operator: "26201", interfaces: ["wwan0", "qmapmux0.0"] }]);
    await stub.tell({ modem: { state: -1, failed: 2 } });
    await expect
      .poll(told)
      .toMatchObject([{ state: "failed", failure: "sim-missing", registration: "unknown", rsrpDbm: undefined }]);
    await stub.tell({ modem: { ...CONNECTED, state: 99, registration: 99, technologies: 0 } });
    await expect.poll(told).toMatchObject([{ state: "unknown", registration: "unknown", technology: "" }]);
    await stub.tell({ modem: null });
    await expect.poll(told).toEqual([]);
  });

  it("are not known while it is away, which is no fault, and known again when it is back", async () => {
    const stub = await services();
    const told = modems();
    for (let round = 0; round < 3; round++) {
      await stub.tell({ own: ["mm"], modem: CONNECTED });
      await expect.poll(told).toMatchObject([{ state: "connected" }]);
      await stub.tell({ release: ["mm"] });
      await expect.poll(told).toBeUndefined();
    }
    expect(log.entries.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });

  it("are asked once to measure, and where that is not allowed it is said once", async () => {
    const stub = await services();
    const told = modems(30);
    await stub.tell({ own: ["mm"], modem: CONNECTED, refuse: true });
    await expect.poll(told).toMatchObject([{ state: "connected" }]);
    await stub.tell({ modem: { ...CONNECTED, signal: 50 } });
    await expect.poll(told).toMatchObject([{ signalPercent: 50 }]);
    expect(await stub.tell({})).toBe(1);
    expect(log.entries.filter(({ event }) => event === "link.signal-not-set-up")).toHaveLength(1);
  });

  it.skipIf(!existsSync(MODEM_MANAGER))("are none with the real one, which has no modem here", async () => {
    const child = await startChild({
      command: MODEM_MANAGER,
      args: ["--test-no-suspend-resume"],
      logFile: join(folder, "ModemManager.log"),
      environment: { DBUS_SYSTEM_BUS_ADDRESS: daemon.address },
    });
    ending.push(async () => void (await child.stop()));
    const told = modems(30);
    await expect.poll(told, { timeout: 10_000 }).toEqual([]);
    await child.stop();
    await expect.poll(told).toBeUndefined();
    expect(log.entries.filter(({ level }) => level === "warn" || level === "error")).toEqual([]);
  });
});

describe("metered interfaces by NetworkManager", () => {
  it("are told by the name of what has the addresses, guesses too, and no more when it goes", async () => {
    const stub = await services();
    let told: ReadonlyMap<string, boolean> | undefined | "nothing" = "nothing";
    const client = new NetworkManager({ bus, clock: systemClock(), log });
    client.start((found) => {
      told = found;
    });
    ending.push(() => client.stop());
    const devices = [
      { interface: "cdc-wdm0", ip: "wwan0", metered: 1 },
      { interface: "wlan0", ip: "wlan0", metered: 3 },
      { interface: "eth0", ip: "eth0", metered: 4 },
      { interface: "lo", metered: 0 },
    ];
    await stub.tell({ own: ["nm"], devices });
    await expect
      .poll(() => told)
      .toEqual(
        new Map([
          ["wwan0", true],
          ["cdc-wdm0", true],
          ["wlan0", true],
          ["eth0", false],
        ]),
      );
    await stub.tell({ devices: [{ interface: "wlan0", ip: "wlan0", metered: 2 }] });
    await expect.poll(() => told).toEqual(new Map([["wlan0", false]]));
    await stub.tell({ release: ["nm"] });
    await expect.poll(() => told).toBeUndefined();
  });
});
