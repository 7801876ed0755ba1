import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEFAULT_ISOTP } from "../../agent/diagnostics/isotp/default-settings.ts";
import { createFrameIsoTp } from "../../agent/diagnostics/isotp/frame-isotp.ts";
import { BusTester } from "../../agent/diagnostics/tester/bus-tester.ts";
import { BusFrameTap } from "../../agent/diagnostics/tester/frame-tap.ts";
import type { Ask } from "../../agent/diagnostics/tester/tester-bus.ts";
import { type CanBus, EVERY_FRAME } from "../../agent/ports/can-bus.ts";
import { createCanBus } from "../../drivers/can/can-bus.ts";
import { createIsoTp } from "../../drivers/can/isotp.ts";
import { systemClock } from "../../drivers/os/time-source.ts";
import { until } from "../bench/core/wait.ts";
import type { CanEcuBus } from "../bench/vehicle/ecus/ecu-bus.ts";
import { openEcuBus } from "../bench/vehicle/ecus/open-ecu-bus.ts";
import { BENCH_VIN, VehicleEcus } from "../bench/vehicle/ecus/vehicle-ecus.ts";
import { MemoryLog } from "../fakes/core/log.ts";

const INTERFACE = "vcan0";
const clock = systemClock();
const signal = new AbortController().signal;
const BUS = {
  name: "can0",
  driver: "native",
  interface: INTERFACE,
  receiveBufferBytes: 1_000_000,
  ringFrames: 4096,
} as const;
const SETTINGS = {
  requestsPerSecond: 1000,
  busLoadShare: 0.5,
  bitRate: 1_000_000,
  silenceMs: 1500,
  backOff: { firstMs: 10_000, longestMs: 3_600_000 },
  pendingMs: 10_000,
  isotp: DEFAULT_ISOTP,
};

const askOf = (...pdu: readonly number[]): Ask => ({
  ecu: { name: "engine", address: { txId: 0x7e0, rxId: 0x7e8, extended: false } },
  pdu: Uint8Array.from(pdu),
  who: "technician",
});

describe.each(["kernel", "frames"] as const)("a tester on a kernel interface, with the ISO-TP of %s", (kind) => {
  let units: CanEcuBus;
  let ecus: VehicleEcus;
  let bus: CanBus;
  let tester: BusTester;
  /** When requests to the engine were on the bus, ms. */
  const heard: number[] = [];

  beforeAll(async () => {
    units = await openEcuBus({ kind: "vcan", interface: INTERFACE });
    ecus = new VehicleEcus(units, clock, { obdIds: 11 });
    units.listen(({ id }) => id === 0x7e0 && heard.push(clock.monotonicMs()));
    const log = new MemoryLog();
    bus = createCanBus(BUS, EVERY_FRAME, "any", { clock, log, random: () => 0.5 });
    const tap = new BusFrameTap((filters) => bus.receive(filters));
    const frames = createFrameIsoTp({ bus: "can0", send: (frame) => bus.send(frame), tap, clock });
    const isotp = kind === "frames" ? frames : createIsoTp(BUS, { frames, permits: () => true, log });
    if (isotp.kind !== kind) throw new Error(`this is the ISO-TP of ${isotp.kind}`);
    tester = new BusTester({
      bus,
      isotp,
      tap,
      settings: SETTINGS,
      refusal: () => undefined,
      notice: () => undefined,
      clock,
    });
    await bus.start({ onFrames: (batch) => tap.onFrames(batch), onState: () => undefined });
  });
  afterAll(async () => {
    tester.stop();
    ecus.stop();
    await bus.stop();
    await units.stop();
  });

  it("knows what comes back of its own frames: requests, flow control, consecutive frames", async () => {
    for (let turn = 0; turn < 20; turn += 1) {
      const vin = await tester.ask(askOf(9, 2), signal);
      expect(vin.kind === "answer" && Buffer.from(vin.pdu.subarray(3)).toString("latin1")).toBe(BENCH_VIN);
      // Longer than a single frame: the engine steers it, and knows no such service.
      const long = await tester.ask(askOf(0xba, ...new Uint8Array(60)), signal);
      expect(long).toMatchObject({ kind: "negative", service: 0xba });
    }
    const all = { txId: 0x7df, extended: false, responses: [{ id: 0x7e8, mask: 0x7f8, extended: false }] };
    const found = await tester.askAll(all, Uint8Array.of(1, 0), 300, "technician", signal);
    expect(found.kind === "answers" && found.answers.map(({ rxId }) => rxId)).toEqual([0x7e8, 0x7e9]);
    expect(tester.state()).toMatchObject({ other: undefined, counts: { requests: 41, silences: 0 } });
  });

  it("falls silent when another process of this host asks, and speaks again", async () => {
    const ending = new AbortController();
    const hurry = async (): Promise<void> => {
      while (!ending.signal.aborted) {
        await tester.ask(askOf(1, 0x0c), signal);
        await clock.sleep(2);
      }
    };
    const hurrying = hurry();
    await until(() => heard.length > 100 || undefined, { what: "the tester asks", timeoutMs: 20_000 });
    await promisify(execFile)("cansend", [INTERFACE, "7DF#023E800000000000"]);
    const spokeMs = clock.monotonicMs();
    await clock.sleep(1000);
    expect(heard.filter((ms) => ms > spokeMs + 100)).toEqual([]);
    expect(tester.state().other).toMatchObject({ id: 0x7df });
    await until(() => (heard.at(-1) ?? 0) > spokeMs + 1000 || undefined, { what: "it asks again", timeoutMs: 20_000 });
    ending.abort();
    await hurrying;
  });
});
