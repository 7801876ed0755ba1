import { describe, expect, it } from "vitest";
import { PassiveIsoTp } from "../../../../agent/diagnostics/isotp/passive-isotp.ts";
import { OBD_ANSWERS } from "../../../../agent/diagnostics/obd/ecu.ts";
import { EcuSpace } from "../../../../agent/diagnostics/obd/ecu-space.ts";
import { KnownEcus } from "../../../../agent/diagnostics/obd/known-ecus.ts";
import { ObdClient } from "../../../../agent/diagnostics/obd/obd-client.ts";
import { OwnAnswers } from "../../../../agent/diagnostics/obd/own-answers.ts";
import { PassiveObd } from "../../../../agent/diagnostics/obd/passive-obd.ts";
import { findEcus } from "../../../../agent/diagnostics/obd/scan.ts";
import { SecondTester } from "../../../bench/vehicle/ecus/second-tester.ts";
import { BENCH_VIN } from "../../../bench/vehicle/ecus/vehicle-ecus.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";
import { TakenCodes, TakenValues, VehicleRig } from "../../../fakes/diagnostics/obd-rig.ts";
import { FakeJournal } from "../../../fakes/ports/journal.ts";

const ENGINE = { txId: 0x7e0, rxId: 0x7e8, extended: false };
const signal = new AbortController().signal;

function listener() {
  const rig = new VehicleRig({ obdIds: 11, isParked: true });
  const { clock, tap, wire, tester } = rig;
  const [codes, taken, own] = [new TakenCodes(), new TakenValues(), new OwnAnswers()];
  const ecus = new KnownEcus({
    bus: "can0",
    configured: undefined,
    space: new EcuSpace(new FakeJournal({ clock }), new MemoryLog()),
  });
  const vins: string[] = [];
  const passive = new PassiveObd({
    bus: "can0",
    ecus,
    values: taken.sink,
    codes,
    own,
    onStranger: (address) => void ecus.meet([address]),
    onVin: (vin) => vins.push(vin),
  });
  const assembly = new PassiveIsoTp(
    { addressByte: false, maxConversations: 16, maxPduBytes: 4095, maxBytes: 65_536 },
    (pdu) => passive.take(pdu),
  );
  tap.on(OBD_ANSWERS, (frame) => assembly.take(frame));
  const other = new SecondTester(wire.node(), clock);
  const asks = async (...request: number[]): Promise<void> => {
    const asked = other.ask(ENGINE, request);
    await clock.run(3000);
    await asked;
  };
  return { clock, units: rig.ecus, codes, taken, vins, passive, own: own.noting(tester), asks };
}

describe("answers to somebody else's tester", () => {
  it("become live data, codes and the VIN, in single frames and in several", async () => {
    const { units, codes, taken, vins, passive, asks } = listener();
    units.engine?.memory.set(0x0301, "confirmed");
    units.engine?.memory.set(0x0420, "confirmed");
    units.engine?.memory.set(0x0171, "confirmed");
    await asks(0x01, 0x0d);
    await asks(0x01, 0x0c, 0x05, 0x42, 0xa6);
    await asks(0x03);
    await asks(0x07);
    await asks(0x0a);
    await asks(0x09, 0x02);
    expect(taken.list.map((one) => one.slice(0, 9))).toEqual([
      "engine 0d",
      "engine 0c",
      "engine 05",
      "engine 42",
      "engine a6",
    ]);
    expect(codes.list).toEqual([
      "engine confirmed P0171 P0301 P0420",
      "engine pending P0171 P0301 P0420",
      "engine permanent P0171 P0301 P0420",
    ]);
    expect(vins).toEqual([BENCH_VIN]);
    expect(passive.counters()).toEqual({ taken: 6, malformed: 0, nameless: 0 });
  });

  it("say that codes were cleared", async () => {
    const { codes, asks } = listener();
    await asks(0x04);
    expect(codes.cleared).toEqual(["can0 engine by another tester"]);
  });

  it("are not those to this agent, and nothing of UDS", async () => {
    const { clock, codes, taken, passive, own, asks } = listener();
    const client = new ObdClient(own, { name: "engine", response: 0x7e8, extended: false }, "poll");
    const outcomes = Promise.all([client.currentData([0x0c, 0x05, 0x42], signal), client.codes("confirmed", signal)]);
    await clock.run(3000);
    expect((await outcomes).map(({ kind }) => kind)).toEqual(["done", "done"]);
    const found = findEcus(own, "auto", "poll", signal);
    await clock.run(3000);
    expect(await found).toMatchObject({ kind: "found", ecus: [{ response: 0x7e8 }, { response: 0x7e9 }] });
    expect(passive.counters().taken).toBe(0);
    await asks(0x22, 0xf1, 0x90);
    await asks(0x01, 0x00);
    expect(taken.list).toHaveLength(0);
    expect(codes.list).toEqual([]);
    expect(passive.counters().malformed).toBe(0);
  });

  it("change nothing where they are not whole", () => {
    const { codes, taken, passive } = listener();
    const told = { id: 0x7e8, extended: false, addressByte: undefined, receivedAtUs: 1 };
    passive.take({ ...told, pdu: Uint8Array.of(0x43, 2, 0x03, 0x01) });
    passive.take({ ...told, pdu: Uint8Array.of(0x41, 0x0c, 0x1a) });
    passive.take({ ...told, id: 0x7f8, pdu: Uint8Array.of(0x41, 0x0d, 0x1a) });
    expect(codes.list).toEqual([]);
    expect(taken.list).toEqual([]);
    expect(passive.counters()).toEqual({ taken: 0, malformed: 2, nameless: 0 });
  });
});
