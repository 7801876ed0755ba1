import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_ISOTP } from "../../../../agent/diagnostics/isotp/default-settings.ts";
import { createFrameIsoTp } from "../../../../agent/diagnostics/isotp/frame-isotp.ts";
import { BusTester } from "../../../../agent/diagnostics/tester/bus-tester.ts";
import { signalValues, valuesOf } from "../../../../agent/diagnostics/uds/data-values.ts";
import { extendedValues, snapshotValues } from "../../../../agent/diagnostics/uds/kept-values.ts";
import type { UdsOutcome } from "../../../../agent/diagnostics/uds/outcome.ts";
import { UdsAsker } from "../../../../agent/diagnostics/uds/uds-asker.ts";
import { UdsClient } from "../../../../agent/diagnostics/uds/uds-client.ts";
import type { CanFrame } from "../../../../agent/ports/frame.ts";
import type { MakeKey } from "../../../../agent/ports/key-program.ts";
import type { Ecu } from "../../../../config/ecu.ts";
import { ecuCatalogue } from "../../../../config/ecus.ts";
import { loadYamlFile } from "../../../../config/load.ts";
import { Wire } from "../../../bench/vehicle/ecus/ecu-bus.ts";
import { UdsEcu } from "../../../bench/vehicle/ecus/uds-ecu.ts";
import { BENCH_VIN, VehicleEcus } from "../../../bench/vehicle/ecus/vehicle-ecus.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { ShownTap } from "../../../fakes/diagnostics/tester-bus.ts";

const NEVER = new AbortController().signal;
const ALLOWED = (): undefined => undefined;
const WINDOW_SHORT = 0x9a_2311;

/** The key as the bench's body controller wants it. */
const makeKey: MakeKey = async (_program, seed) => {
  const key = UdsEcu.keyOf((seed[0] << 8) | seed[1]);
  return { kind: "key", key: Uint8Array.of(key >>> 8, key & 0xff) };
};

/** The bench's body controller on a bus, and a client of it with the example's catalogue; manners, ISO-TP and time are the agent's own. */
function benchOf(ecu: Ecu, key: MakeKey = makeKey, bodyFrameBytes = 8) {
  const clock = new ManualClock();
  const wire = new Wire(() => clock.wallUs());
  const node = wire.node();
  const tap = new ShownTap();
  node.listen((frame) => tap.show(frame));
  const bus = { name: "can0", send: (frame: CanFrame) => node.send(frame) };
  const tester = new BusTester({
    bus,
    isotp: createFrameIsoTp({ bus: bus.name, send: bus.send, tap, clock }),
    tap,
    settings: {
      requestsPerSecond: 1000,
      busLoadShare: 0.5,
      bitRate: 500_000,
      silenceMs: 300_000,
      backOff: { firstMs: 10_000, longestMs: 3_600_000 },
      pendingMs: 120_000,
      isotp: DEFAULT_ISOTP,
    },
    refusal: () => undefined,
    notice: () => undefined,
    clock,
  });
  const ecus = new VehicleEcus(wire.node(), clock, { bodyFrameBytes, isParked: true });
  const { body } = ecus;
  if (body === undefined) throw new Error("the vehicle has no body controller");
  const client = new UdsClient(new UdsAsker({ tester, ecu, who: "technician", clock }), key);
  const done = async <T>(outcome: Promise<T>): Promise<T> => {
    let isDone = false;
    void outcome.then(() => {
      isDone = true;
    });
    for (let steps = 0; !isDone && steps < 100_000; steps++) await clock.run(1);
    return await outcome;
  };
  return {
    clock,
    ecus,
    body,
    client,
    done,
    ids: () => new Set(wire.log.map(({ id }) => id)),
    lengths: () => wire.log.map(({ data }) => data.length),
  };
}

function valueOf<T>(outcome: UdsOutcome<T>): T {
  if (outcome.kind !== "done") throw new Error(JSON.stringify(outcome));
  return outcome.value;
}

describe("the client, and a body controller that nobody of it wrote", () => {
  let ecu: Ecu;
  beforeEach(async () => {
    const file = join(import.meta.dirname, "../../../../config/ecus.example.yaml");
    [ecu] = (await loadYamlFile(file, ecuCatalogue)).value.ecus;
  });

  it("agree on data identifiers, over several frames", async () => {
    const { client, done, ids } = benchOf(ecu);
    const dids = ecu.dids.filter(({ readable }) => readable);
    const readings = await done(client.readDids(dids, NEVER));
    const values = readings.flatMap(({ did, outcome }) => valuesOf(did, valueOf(outcome).bytes));
    expect(values.map(({ name, value, text }) => [name, text ?? value])).toEqual([
      ["vin", BENCH_VIN],
      ["supply_voltage", 14.1],
      ["board_temperature", 20],
      ["front_left_door", "open"],
      ["front_right_door", "closed"],
      ["lighting_delay_time", 30],
      ["part_number", "5Q0937085AB"],
      ["serial_number", "202611290042"],
    ]);
    expect(ids()).toEqual(new Set([0x740, 0x748]));
  });

  it("agree on CAN FD, where an answer of one frame has more than 8 bytes", async () => {
    const { client, done, lengths } = benchOf({ ...ecu, fd: true }, makeKey, 64);
    const [vin] = await done(client.readDids([ecu.dids[0]], NEVER));
    expect(valuesOf(vin.did, valueOf(vin.outcome).bytes)).toMatchObject([{ name: "vin", value: BENCH_VIN }]);
    expect(lengths()).toEqual([8, 24]);
  });

  it("agree on trouble codes, snapshots and extended data", async () => {
    const { client, body, done } = benchOf(ecu);
    expect(valueOf(await done(client.readCodes(0x0d, NEVER))).codes).toEqual([]);
    body.memory.set(WINDOW_SHORT, "confirmed");
    expect(valueOf(await done(client.countCodes(0x0d, NEVER)))).toMatchObject({ count: 1, format: "ISO 14229-1" });
    const [code] = valueOf(await done(client.readCodes(0x0d, NEVER))).codes;
    expect(code.raw).toBe(WINDOW_SHORT);
    expect(code.status & 0x09).toBe(0x09);
    expect(valueOf(await done(client.supportedCodes(NEVER))).codes).toHaveLength(4);
    expect(valueOf(await done(client.snapshotNumbers(NEVER)))).toEqual([
      { raw: WINDOW_SHORT, record: 1 },
      { raw: WINDOW_SHORT, record: 2 },
    ]);
    const snapshots = snapshotValues(ecu, valueOf(await done(client.snapshots(WINDOW_SHORT, NEVER))));
    expect(snapshots.map(({ record, values }) => [record, values.map(({ name }) => name)])).toEqual([
      [1, ["supply_voltage", "board_temperature", "front_left_door", "front_right_door"]],
      [2, ["odometer"]],
    ]);
    const extended = extendedValues(ecu, valueOf(await done(client.extendedData(WINDOW_SHORT, NEVER))));
    expect(extended).toMatchObject([
      { record: 1, values: [{ name: "occurrence_counter", value: 1 }] },
      { record: 2, values: [{ name: "ageing_counter", value: 0 }] },
    ]);
    expect(await done(client.clearCodes(0xffffff, ALLOWED, NEVER))).toEqual({ kind: "done", value: undefined });
    expect(valueOf(await done(client.readCodes(0xff, NEVER))).codes).toEqual([]);
  });

  it("agree on session and security: written is what was meant, and the session is left", async () => {
    const { client, body, done } = benchOf(ecu);
    const delay = ecu.dids.find(({ name }) => name === "lighting_delay") ?? ecu.dids[0];
    expect(await done(client.write(delay, Uint8Array.of(45), ALLOWED, NEVER))).toEqual({
      kind: "done",
      value: undefined,
    });
    expect(body.counts.unlocks).toBe(1);
    expect(body.session).toBe(1);
    const [reading] = await done(client.readDids([delay], NEVER));
    expect(valueOf(reading.outcome).bytes).toEqual(Uint8Array.of(45));
  });

  it("agree on a routine that takes longer than a session lasts without a word", async () => {
    const { client, body, done, clock } = benchOf(ecu);
    const routine = ecu.routines[0];
    const beganMs = clock.monotonicMs();
    const bytes = valueOf(await done(client.runRoutine(routine, Uint8Array.of(0, 5), ALLOWED, NEVER)));
    expect(clock.monotonicMs() - beganMs).toBeGreaterThan(5000);
    expect(signalValues(routine.result.signals, bytes)).toMatchObject([
      { name: "window_current", value: 3.15, unit: "A" },
    ]);
    expect(body.counts.windowTests).toBe(1);
    expect(body.session).toBe(1);
  });

  it("agree on an output and on a reset", async () => {
    const { client, body, done } = benchOf(ecu);
    expect(
      (await done(client.holdOutput(ecu.outputs[0], { state: Uint8Array.of(1), holdMs: 500 }, ALLOWED, NEVER))).kind,
    ).toBe("done");
    expect(body.counts.horns).toBe(1);
    expect(body.isHornOn).toBe(false);
    expect(await done(client.reset(ecu.resets[0], ALLOWED, NEVER))).toEqual({ kind: "done", value: undefined });
    expect(body.counts.resets).toBe(1);
  });

  it("agree on a key that is wrong", async () => {
    const { client, done } = benchOf(ecu, async () => ({ kind: "key", key: Uint8Array.of(1, 2) }));
    const delay = ecu.dids.find(({ name }) => name === "lighting_delay") ?? ecu.dids[0];
    const outcome = await done(client.write(delay, Uint8Array.of(45), ALLOWED, NEVER));
    expect(outcome).toMatchObject({ kind: "negative", code: 0x35 });
  });

  it("agree on 'response pending', on being busy, and on silence", async () => {
    const { client, body, done } = benchOf(ecu);
    body.unit.faults.set({ pendings: 20, pendingEveryMs: 3000 });
    expect((await done(client.readCodes(0x0d, NEVER))).kind).toBe("done");
    body.unit.faults.set({ negative: { code: 0x21, times: 2 } });
    expect((await done(client.readCodes(0x0d, NEVER))).kind).toBe("done");
    body.unit.faults.set({ negative: { code: 0x22, times: 1 } });
    expect(await done(client.readCodes(0x0d, NEVER))).toMatchObject({ kind: "negative", code: 0x22 });
    body.unit.faults.set({ silent: true });
    expect(await done(client.readCodes(0x0d, NEVER))).toMatchObject({ kind: "silent" });
    body.unit.faults.set({ wrongSequence: 1 });
    expect((await done(client.readDids([ecu.dids[0]], NEVER)))[0].outcome).toMatchObject({
      kind: "fault",
      fault: { code: "isotp.wrong-sequence" },
    });
  });
});
