import { describe, expect, it } from "vitest";
import { composeJ1939 } from "../../../agent/daemon/compose-j1939-node.ts";
import { MetricBook } from "../../../agent/daemon/metric-book.ts";
import { CodeReaders } from "../../../agent/diagnostics/codes/code-readers.ts";
import type { SentFrame } from "../../../agent/diagnostics/tester/tester-bus.ts";
import { servedOn } from "../../../agent/local-api/verb.ts";
import type { CanFrame } from "../../../agent/ports/frame.ts";
import { diagnosticsConfig } from "../../../config/diagnostics.ts";
import { Wire } from "../../bench/vehicle/ecus/ecu-bus.ts";
import { VehicleEcus } from "../../bench/vehicle/ecus/vehicle-ecus.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { CodeVehicle, told } from "../../fakes/diagnostics/code-vehicle.ts";
import { FakeTesterBus, ShownTap } from "../../fakes/diagnostics/tester-bus.ts";

const never = new AbortController().signal;
const NODE = {
  transmit: { condition: "always" },
  j1939: {
    name: { identity: 7, manufacturer: 100 },
    requests: [{ pgn: 65_227, to: 0, everySeconds: 60 }],
  },
};

/** A tester whose frames reach the wire. */
class WireTester extends FakeTesterBus {
  readonly #put: (frame: CanFrame) => void;

  constructor(put: (frame: CanFrame) => void) {
    super("can0");
    this.#put = put;
  }

  override async sendFrame(frame: CanFrame): Promise<SentFrame> {
    this.frames.push(frame);
    this.#put(frame);
    return { kind: "sent" };
  }
}

/** The J1939 of a daemon beside the truck of the bench. */
async function daemon(bus: object) {
  const vehicle = new CodeVehicle();
  const { clock, tracker } = vehicle;
  const wire = new Wire(() => clock.wallUs());
  const ecus = new VehicleEcus(wire.node(), clock, { isTruck: true, isParked: true });
  const own = wire.node();
  const tap = new ShownTap();
  own.listen((frame) => tap.show(frame));
  const tester = new WireTester((frame) => void own.send(frame));
  const [settings] = diagnosticsConfig.parse({ buses: [{ bus: "can0", ...bus }] }).buses;
  const readers = new CodeReaders();
  const log = new MemoryLog();
  const process = { version: "0", environment: {}, startedAtMs: 0, bootId: "b" };
  const part = composeJ1939(
    {
      buses: [{ name: "can0", settings, tester, tap, addRequestIds: () => undefined }],
      codes: { tracker, readers },
    },
    { ...process, clock, log, random: () => 0.5, metrics: new MetricBook() },
  );
  const { truck } = ecus;
  if (truck === undefined) throw new Error("no truck");
  const services = part.services ?? [];
  for (const service of services) await service.start();
  const stop = async (): Promise<void> => {
    for (const service of services) await service.stop();
  };
  const set = (spn: number, fmi: number, state: "confirmed" | "healed"): void =>
    truck.memory.set((spn << 5) | fmi, state);
  return { vehicle, clock, tap, tester, part, readers, truck, set, stop };
}

describe("J1939 in the daemon", () => {
  it("hears codes come and go without a word, where it only listens", async () => {
    const { vehicle, clock, tester, part, readers, set, stop } = await daemon({});
    await clock.run(3000);
    set(100, 1, "confirmed");
    await clock.run(6000);
    expect(vehicle.tracker.active()).toMatchObject([{ ecu: "sa_0", code: "SPN 100 FMI 1", occurrences: 1 }]);
    set(100, 1, "healed");
    await clock.run(15_000);
    expect(vehicle.tracker.active()).toEqual([]);
    expect([tester.frames, readers.list(), part.findActing?.("sa_0")]).toEqual([[], [], undefined]);
    await stop();
  });

  it("asks for groups as the configuration says, and knows the nodes", async () => {
    const { clock, tester, part, truck, set, stop } = await daemon(NODE);
    for (const state of ["confirmed", "healed"] as const) set(1208, 3, state);
    await clock.run(61_000);
    // A claim, then DM2 of the engine twice.
    expect(tester.frames.map(({ id }) => id.toString(16))).toEqual(["18eefff9", "18ea00f9", "18ea00f9"]);
    expect(truck.asked.get(65_227)).toBe(2);
    const handlers = servedOn("view", part.verbs ?? []);
    const nodes = await handlers["j1939.nodes"]?.({ verb: "j1939.nodes", bus: "can0" }, never);
    expect(nodes).toMatchObject({ own: { state: "claimed", address: 249 }, nodes: [{ address: 0 }] });
    expect(part.j1939?.()).toMatchObject([
      {
        bus: "can0",
        state: "claimed",
        address: 249,
        nodes: 1,
        malformed: 0,
        assembled: 0,
        incomplete: 0,
        failedTransfers: 0,
        readiness: [],
        polls: { answered: 2, unanswered: 0, refused: 0, withheld: 0 },
      },
    ]);
    await stop();
    await clock.run(600_000);
    expect(tester.frames).toHaveLength(3);
  });

  it("reads and clears the codes of a node that has any, for a technician and for commands", async () => {
    const { vehicle, clock, part, readers, truck, set, stop } = await daemon(NODE);
    set(100, 1, "confirmed");
    await clock.run(5000);
    const [reader] = readers.list();
    expect(reader.origin).toEqual({ bus: "can0", ecu: "sa_0", protocol: "j1939" });
    const read = reader.read(never);
    await clock.run(3000);
    expect(await read).toBeUndefined();
    const cleared = reader.clear?.(never);
    await clock.run(4000);
    expect(await cleared).toBeUndefined();
    expect(truck.memory.withStatus(0xff)).toEqual([]);
    await clock.run(20_000);
    expect(vehicle.tracker.active()).toEqual([]);
    const end = part.findActing?.("sa_0")?.clearCodes?.(0xff_ffff, () => "the vehicle moves", never);
    await clock.run(2000);
    expect(await end).toEqual({ kind: "withheld", reason: "condition", what: "the vehicle moves" });
    expect(part.findActing?.("sa_254") ?? part.findActing?.("engine")).toBeUndefined();
    await stop();
  });

  it("asks for the freeze frame of a new code once, and tells the code whether there is one or not", async () => {
    const { vehicle, clock, tester, set, stop } = await daemon(NODE);
    await clock.run(2000);
    tester.frames.splice(0);
    set(100, 1, "confirmed");
    await clock.run(6000);
    // The bench's truck has no DM4, and says so: the code is told without.
    expect(tester.frames.map(({ data }) => Buffer.from(data).toString("hex"))).toEqual(["cdfe00"]);
    expect(told(vehicle.outbox)).toEqual([[1, "appeared", "SPN 100 FMI 1"]]);
    await stop();
  });
});
