import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listCodes } from "../../../agent/local-api/codes-schema.ts";
import { createRecordReader } from "../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { until } from "../../bench/core/wait.ts";
import type { CanEcuBus } from "../../bench/vehicle/ecus/ecu-bus.ts";
import { openEcuBus } from "../../bench/vehicle/ecus/open-ecu-bus.ts";
import type { UdsEcu } from "../../bench/vehicle/ecus/uds-ecu.ts";
import { VehicleEcus } from "../../bench/vehicle/ecus/vehicle-ecus.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { runCli } from "../../fakes/daemon/cli-runner.ts";
import { type DaemonHome, daemonHome, startDaemon } from "../../fakes/daemon/daemon.ts";

const CATALOGUE = fileURLToPath(new URL("../../../config/ecus.example.yaml", import.meta.url));
const WINDOW_SHORT = 0x9a_2311;
const MISFIRE = 0x0301;
const clock = systemClock();

let hub: Hub;
let node: CanEcuBus;
let ecus: VehicleEcus;

beforeEach(async () => {
  hub = await startHub();
  node = await openEcuBus({ kind: "hub", host: "127.0.0.1", port: hub.port, interface: "can0" });
  await until(() => hub.clients() >= 1 || undefined, { what: "the control units are on the bus", timeoutMs: 20_000 });
  ecus = new VehicleEcus(node, clock, { obdIds: 11, bodyFrameBytes: 8, isTruck: true, isParked: true });
});
afterEach(async () => {
  ecus.stop();
  await node.stop();
  await hub.stop();
});

const answered = listCodes.answer;

function bodyOf({ body }: VehicleEcus): UdsEcu {
  if (body === undefined) throw new TypeError("the vehicle has no body controller");
  return body;
}

describe("causeway dtc, without the agent", () => {
  it("lists, shows freeze data and clears what control units of a bus tell now", async () => {
    const dtc = (...args: readonly string[]) =>
      runCli(["dtc", ...args, "--bus", `socketcand://127.0.0.1:${hub.port}/can0`, "--config", "/nowhere.yaml"], {
        clock,
      });
    ecus.engine?.memory.set(MISFIRE, "confirmed");
    ecus.truck?.memory.set((100 << 5) | 1, "confirmed");
    const listed = await dtc("list", "--json");
    expect([listed.stderr, listed.exitCode]).toEqual(["", 0]);
    const { codes } = answered.parse(JSON.parse(listed.stdout));
    const told = codes.map(({ ecu, code, isConfirmed }) => `${ecu} ${code} ${isConfirmed ? "confirmed" : "pending"}`);
    expect(new Set(told)).toEqual(new Set(["engine P0301 confirmed", "sa_0 SPN 100 FMI 1 confirmed"]));
    const once = ecus.engine?.unit.requests ?? 0;
    await dtc("list", "--fresh");
    expect(ecus.engine?.unit.requests).toBe(2 * once);
    const frozen = codes.find(({ ecu }) => ecu === "engine")?.freeze ?? [];
    expect(frozen.find(({ name }) => name === "engine_speed")).toMatchObject({ unit: "rpm" });
    expect((await dtc("clear", "engine", "--yes")).stdout).toBe("engine cleared\n");
    expect(ecus.engine?.memory.withStatus(0xff)).toEqual([]);
  });
});

/** The events of trouble codes in the outbox of an agent that has ended. */
function eventsOf(home: DaemonHome): readonly string[] {
  const file = join(home.folder, "state", "outbox.db");
  const disk = { file, maxBytes: 100_000_000, bootId: "0".repeat(32), clock, log: new MemoryLog(), standbyFiles: [] };
  const { outbox } = openOutbox(disk);
  const reader = createRecordReader(readDescriptor());
  const bodies = outbox
    .read("event", 0, outbox.lastRow(), 10_000, 1e9)
    .map(({ payload }) => reader.decode(payload).body);
  outbox.close();
  return bodies.flatMap((body) =>
    body.kind === "trouble-code"
      ? [`${body.number} ${body.code.code} ${body.event}${body.isRepeated ? " again" : ""}`]
      : [],
  );
}

describe("an agent that is killed", () => {
  it("tells each change of a code once, and none twice", async () => {
    const body = bodyOf(ecus);
    const home = await daemonHome((config) => {
      const { port } = hub;
      config.buses = [{ name: "can0", driver: "socketcand", host: "127.0.0.1", port, interface: "can0" }];
      const transmit = { condition: "always", requestsPerSecond: 100, busLoadShare: 0.5 };
      const uds = { ecus: ["body"], codesEverySeconds: 5 };
      config.diagnostics = { catalogueFile: CATALOGUE, buses: [{ bus: "can0", passive: [], transmit, uds }] };
    });
    const knows = async (isActive: boolean): Promise<void> => {
      const isThere = async () => {
        const { stdout } = await runCli(["dtc", "list", "--config", home.config], { clock });
        return stdout.includes("B1A23-11") === isActive ? true : undefined;
      };
      await until(isThere, { what: `the code is ${isActive ? "" : "not "}active`, timeoutMs: 15_000 });
    };
    body.memory.set(WINDOW_SHORT, "confirmed");
    const first = await startDaemon(home);
    await knows(true);
    first.child.signal("SIGKILL");
    await first.child.ended;
    const second = await startDaemon(home);
    await knows(true);
    body.memory.set(WINDOW_SHORT, "gone");
    await knows(false);
    second.child.signal("SIGKILL");
    await second.child.ended;
    const third = await startDaemon(home);
    body.memory.set(WINDOW_SHORT, "confirmed");
    await knows(true);
    third.child.signal("SIGKILL");
    await third.child.ended;
    expect(eventsOf(home)).toEqual(["1 B1A23-11 appeared", "2 B1A23-11 healed", "3 B1A23-11 returned"]);
  });
});
