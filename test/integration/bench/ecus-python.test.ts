import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../../drivers/os/time-source.ts";
import type { CanEcuBus } from "../../bench/vehicle/ecus/ecu-bus.ts";
import { openEcuBus } from "../../bench/vehicle/ecus/open-ecu-bus.ts";
import { BENCH_VIN, VehicleEcus } from "../../bench/vehicle/ecus/vehicle-ecus.ts";
import { type Hub, startHub } from "../../bench/vehicle/socketcand-hub.ts";

const SCRIPT = join(import.meta.dirname, "../../bench/vehicle/ecus/ask-ecus.py");

describe("the bench's control units, asked by python-can with an ISO-TP of its own", () => {
  let hub: Hub;
  let bus: CanEcuBus;
  let ecus: VehicleEcus;

  beforeAll(async () => {
    hub = await startHub();
    bus = await openEcuBus({ kind: "hub", host: "127.0.0.1", port: hub.port, interface: "can0" });
    ecus = new VehicleEcus(bus, systemClock(), { obdIds: 11, bodyFrameBytes: 8, isTruck: true, isParked: true });
  });

  afterAll(async () => {
    ecus.stop();
    await bus.stop();
    await hub.stop();
  });

  it("are understood: OBD, UDS, and DM1 by BAM", async () => {
    ecus.memory("engine").set(0x0133, "confirmed");
    ecus.memory("engine").set(0x5234, "confirmed");
    ecus.memory("body").set(0x9a_2311, "confirmed");
    ecus.memory("body").set(0xc1_4000, "pending");
    ecus.memory("truck-engine").set((100 << 5) | 1, "confirmed");
    ecus.memory("truck-engine").set((520_200 << 5) | 31, "confirmed");
    ecus.unit("body").faults.set({ pendings: 2, pendingEveryMs: 20 });
    const { stdout } = await promisify(execFile)("/usr/bin/python3", [SCRIPT, "127.0.0.1", `${hub.port}`, "can0"]);
    expect(JSON.parse(stdout)).toEqual({
      obd: {
        // 1, 3 to 7, 0b to 11, 13, 14, 1c, 1f, and so on: the table of the unit, as its bitmaps tell it.
        pids: [
          0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x13, 0x14, 0x1c, 0x1f, 0x21,
          0x23, 0x2f, 0x31, 0x33, 0x34, 0x3c, 0x41, 0x42, 0x43, 0x44, 0x46, 0x49, 0x4d, 0x4e, 0x51, 0x5c, 0x5e, 0xa6,
        ],
        rpm: 780,
        kph: 0,
        coolant: 14,
        km: 48_211.3,
        vin: BENCH_VIN,
        codes: ["P0133", "C1234"],
        frozenBy: "P0133",
        lamp: true,
        calibrations: ["BENCH-ECM-0412", "BENCH-ECM-DATA7"],
      },
      uds: {
        denied: "7f2e7f",
        opened: "6702",
        written: "6e0202",
        label: "a text that takes more than one frame",
        vin: BENCH_VIN,
        volt: 14.1,
        codes: [
          ["B1A23", 0x11, 0xaf],
          ["U0140", 0x00, 0x27],
        ],
        frozenKm: 48_211,
        unknown: "7f2231",
      },
      j1939: {
        amber: 1,
        codes: [
          [100, 1, 1],
          [520_200, 31, 1],
        ],
      },
    });
  });
});
