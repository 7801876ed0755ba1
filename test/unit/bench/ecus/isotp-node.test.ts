import { describe, expect, it } from "vitest";
import { CanEcuBus, Wire } from "../../../bench/vehicle/ecus/ecu-bus.ts";
import { FaultSwitches } from "../../../bench/vehicle/ecus/ecu-faults.ts";
import { IsoTpNode, type IsoTpPlace } from "../../../bench/vehicle/ecus/isotp-node.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { FakeCanBus } from "../../../fakes/ports/can-bus.ts";

const PLACE: IsoTpPlace = { rxId: 0x7e0, txId: 0x7e8, functionalId: 0x7df, extended: false };

/** Two sides of one conversation on a wire of their own. */
function conversation(place: Partial<IsoTpPlace> = {}) {
  const clock = new ManualClock();
  const wire = new Wire(() => clock.wallUs());
  const faults = new FaultSwitches();
  const [atUnit, atTester]: [Uint8Array[], Uint8Array[]] = [[], []];
  const ours = { ...PLACE, ...place };
  const { addressBytes } = ours;
  const theirs = {
    ...ours,
    rxId: ours.txId,
    txId: ours.rxId,
    functionalId: undefined,
    ...(addressBytes === undefined
      ? {}
      : { addressBytes: { rxByte: addressBytes.txByte, txByte: addressBytes.rxByte } }),
  };
  const unit = new IsoTpNode({ bus: wire.node(), clock, faults }, ours, (pdu) => atUnit.push(pdu));
  const parts = { bus: wire.node(), clock, faults: new FaultSwitches() };
  const tester = new IsoTpNode(parts, theirs, (pdu) => atTester.push(pdu));
  return { clock, wire, faults, unit, tester, atUnit, atTester };
}

function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at & 0xff);
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString("hex");
}

describe("ISO-TP of the bench's control units", () => {
  it("sends 20 bytes as ISO 15765-2 has them", async () => {
    const { clock, wire, unit, atTester } = conversation();
    void unit.send(counting(20));
    await clock.run(10);
    // As published for normal addressing: a first frame, flow control, two consecutive frames.
    expect(wire.log.map(({ data }) => hex(data))).toEqual([
      "1014000102030405",
      "300000",
      "21060708090a0b0c",
      "220d0e0f10111213",
    ]);
    expect(atTester.map(hex)).toEqual([hex(counting(20))]);
  });

  it("sends 20 bytes in one frame of CAN FD, filled up to a length that there is", async () => {
    const { clock, wire, unit } = conversation({ frameBytes: 64 });
    void unit.send(counting(20));
    await clock.run(1);
    expect(wire.log.map(({ data }) => hex(data))).toEqual([`0014${hex(counting(20))}cccc`]);
  });

  it.each([
    ["classic", {}],
    ["filled up", { padding: 0xaa }],
    ["CAN FD", { frameBytes: 64 }],
    ["with address bytes", { addressBytes: { rxByte: 0xf1, txByte: 0x10 } }],
    ["in blocks with 2 ms between", { flow: { blockSize: 4, separation: 2 } }],
    ["29 bits", { rxId: 0x18da_10f1, txId: 0x18da_f110, functionalId: 0x18db_33f1, extended: true }],
  ])("carries every length both ways: %s", async (_, place) => {
    const { clock, unit, tester, atUnit, atTester } = conversation(place);
    const lengths = [1, 6, 7, 8, 13, 62, 63, 100, 4095, 4096, 5000];
    for (const length of lengths) {
      void unit.send(counting(length));
      void tester.send(counting(length));
      await clock.run(5000);
    }
    expect(atTester.map(({ length }) => length)).toEqual(lengths);
    expect(atUnit.map(({ length }) => length)).toEqual(lengths);
    for (const pdu of [...atUnit, ...atTester]) expect(hex(pdu)).toBe(hex(counting(pdu.length)));
  });

  it("waits, goes on, and gives up where the other side does", async () => {
    const { clock, faults, unit, tester, atUnit } = conversation();
    faults.set({ waits: 3, waitEveryMs: 500 });
    const waited = tester.send(counting(30));
    await clock.run(1600);
    expect([await waited, atUnit.length]).toEqual([true, 1]);
    faults.set({ overflow: 1 });
    const refused = tester.send(counting(30));
    await clock.run(10);
    expect(await refused).toBe(false);
    faults.set({ noFlowControl: 1 });
    const ignored = tester.send(counting(30));
    await clock.run(1100);
    expect([await ignored, atUnit.length]).toEqual([false, 1]);
    // And all is well again.
    void unit.send(counting(5));
    const last = tester.send(counting(30));
    await clock.run(10);
    expect([await last, atUnit.length]).toEqual([true, 2]);
  });

  it.each([
    ["wrongSequence", "24"],
    ["wrongLength", "101e"],
  ] as const)("spoils an answer: %s", async (name, start) => {
    const { clock, wire, faults, unit, atTester } = conversation();
    faults.set({ [name]: 1 });
    void unit.send(counting(name === "wrongSequence" ? 30 : 26));
    await clock.run(10);
    expect(wire.log.some(({ data }) => hex(data).startsWith(start))).toBe(true);
    expect(atTester).toEqual([]);
    await clock.run(2000);
    void unit.send(counting(26));
    await clock.run(10);
    expect(atTester).toHaveLength(1);
  });

  it("gets to a bus of the drivers, and hears data frames alone", async () => {
    const bus = new FakeCanBus();
    const node = await CanEcuBus.start(bus);
    const heard: number[] = [];
    const leave = node.listen(({ id }) => heard.push(id));
    const frame = { id: 5, flags: 0, data: new Uint8Array(1), receivedAtUs: 0 };
    bus.deliver([frame, { ...frame, id: 6, flags: 4 }]);
    leave();
    bus.deliver([frame]);
    await node.send(frame);
    expect([heard, bus.sent.length]).toEqual([[5], 1]);
    await node.stop();
    // Lost, as on a bus that is not there.
    await node.send(frame);
  });
});
