import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEFAULT_ISOTP } from "../../agent/diagnostics/isotp/default-settings.ts";
import { createFrameIsoTp } from "../../agent/diagnostics/isotp/frame-isotp.ts";
import { ObdClient } from "../../agent/diagnostics/obd/obd-client.ts";
import { BusTester } from "../../agent/diagnostics/tester/bus-tester.ts";
import { BusFrameTap } from "../../agent/diagnostics/tester/frame-tap.ts";
import { valuesOf } from "../../agent/diagnostics/uds/data-values.ts";
import { UdsAsker } from "../../agent/diagnostics/uds/uds-asker.ts";
import { UdsClient } from "../../agent/diagnostics/uds/uds-client.ts";
import { EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import type { Ecu } from "../../config/ecu.ts";
import { ecuCatalogue } from "../../config/ecus.ts";
import { loadYamlFile } from "../../config/load.ts";
import { agentConfig } from "../../config/schema.ts";
import { createCanBus } from "../../drivers/can/can-bus.ts";
import { createIsoTp } from "../../drivers/can/isotp.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import type { CanEcuBus } from "../bench/vehicle/ecus/ecu-bus.ts";
import { openEcuBus } from "../bench/vehicle/ecus/open-ecu-bus.ts";
import { SecondTester } from "../bench/vehicle/ecus/second-tester.ts";
import { UdsEcu } from "../bench/vehicle/ecus/uds-ecu.ts";
import { BENCH_VIN, VehicleEcus } from "../bench/vehicle/ecus/vehicle-ecus.ts";
import { MemoryLog } from "../fakes/core/log.ts";

const INTERFACE = "vcan1";
const NEVER = new AbortController().signal;
const CATALOGUE = join(import.meta.dirname, "../../config/ecus.example.yaml");
const ENGINE = { name: "engine", response: 0x7e8, extended: false };

/** The agent's tester on a native bus, by the kernel's ISO-TP. */
async function openTester() {
  const clock = systemClock();
  const log = new MemoryLog();
  const [config] = agentConfig.shape.buses.parse([{ name: "can0", driver: "native", interface: INTERFACE }]);
  const bus = createCanBus(config, EVERY_FRAME, "any", { clock, log, random: () => 0.5 });
  const tap = new BusFrameTap(() => undefined);
  await bus.start({ onFrames: (batch) => tap.onFrames(batch), onState: () => undefined });
  const frames = createFrameIsoTp({ bus: bus.name, send: (frame) => bus.send(frame), tap, clock });
  const isotp = createIsoTp(config, { frames, permits: () => true, log });
  const pace = { requestsPerSecond: 1000, busLoadShare: 0.5, bitRate: 500_000 };
  const backOff = { firstMs: 10_000, longestMs: 10_000 };
  const tester = new BusTester({
    bus,
    isotp,
    tap,
    settings: { ...pace, silenceMs: 5000, backOff, pendingMs: 60_000, isotp: DEFAULT_ISOTP },
    refusal: () => undefined,
    notice: () => undefined,
    clock,
  });
  const close = async (): Promise<void> => {
    tester.stop();
    isotp.close();
    await bus.stop();
  };
  return { tester, isotp, clock, close };
}

describe("the agent's tester by the kernel's ISO-TP, and control units that nobody of it wrote", () => {
  let ours: Awaited<ReturnType<typeof openTester>>;
  let units: CanEcuBus;
  let ecus: VehicleEcus;
  let body: Ecu;

  beforeAll(async () => {
    units = await openEcuBus({ kind: "vcan", interface: INTERFACE });
    ecus = new VehicleEcus(units, systemClock(), { obdIds: 11, bodyFrameBytes: 8, isParked: true });
    ours = await openTester();
    [body] = (await loadYamlFile(CATALOGUE, ecuCatalogue)).value.ecus;
  });

  afterAll(async () => {
    await ours.close();
    ecus.stop();
    await units.stop();
  });

  function clientOf(ecu: Ecu): UdsClient {
    const asker = new UdsAsker({ tester: ours.tester, ecu, who: "technician", clock: ours.clock });
    return new UdsClient(asker, async (_program, seed) => {
      const key = UdsEcu.keyOf((seed[0] << 8) | seed[1]);
      return { kind: "key", key: Uint8Array.of(key >>> 8, key & 0xff) };
    });
  }

  it("asks OBD, waits while the answer is pending, and takes none of its own frames for another's", async () => {
    expect(ours.isotp.kind).toBe("kernel");
    ecus.memory("engine").set(0x0301, "confirmed");
    const engine = new ObdClient(ours.tester, ENGINE, "technician");
    ecus.unit("engine").faults.set({ pendings: 2, pendingEveryMs: 200 });
    expect(await engine.vehicleInfo(0x02, NEVER)).toMatchObject({ kind: "done", value: { vin: BENCH_VIN } });
    expect(await engine.codes("confirmed", NEVER)).toMatchObject({
      kind: "done",
      value: { codes: [0x0301] },
    });
    const { pendings } = ours.tester.state().counts;
    expect([pendings, ours.tester.state().other]).toEqual([4, undefined]);
  });

  it("asks UDS over several frames both ways, classic and over CAN FD", async () => {
    ecus.memory("body").set(0x9a_2311, "confirmed");
    const read = async (ecu: Ecu) => {
      const readings = await clientOf(ecu).readDids(
        ecu.dids.filter(({ name }) => ["vin", "supply"].includes(name)),
        NEVER,
      );
      return readings.flatMap(({ did, outcome }) =>
        outcome.kind === "done" ? valuesOf(did, outcome.value.bytes).map(({ value }) => value) : [outcome.kind],
      );
    };
    expect(await read(body)).toEqual([BENCH_VIN, 14.1, 20]);
    expect(await clientOf(body).readCodes(0xff, NEVER)).toMatchObject({
      kind: "done",
      value: { codes: [{ raw: 0x9a_2311 }] },
    });
    ecus.stop();
    ecus = new VehicleEcus(units, systemClock(), { bodyFrameBytes: 64, isParked: true });
    const fast = { ...body, name: "body-fd", fd: true };
    expect(await read(fast)).toEqual([BENCH_VIN, 14.1, 20]);
    expect(ours.tester.state().other).toBeUndefined();
  });

  it("falls silent when somebody else asks, by the kernel's frames or not", async () => {
    const theirs = await openEcuBus({ kind: "vcan", interface: INTERFACE });
    const other = new SecondTester(theirs, systemClock());
    await other.askAll([0x3e, 0x80]);
    const body_ = clientOf(body);
    await expect.poll(async () => (await body_.readCodes(0xff, NEVER)).kind, { timeout: 20_000 }).toBe("withheld");
    expect(ours.tester.state().other?.id).toBe(0x7df);
    await theirs.stop();
  });
});
