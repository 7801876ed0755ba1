import { describe, expect, it } from "vitest";
import { addressOf, addressText, requestIdOf } from "../../../../agent/diagnostics/obd/ecu.ts";
import { nameEcus } from "../../../../agent/diagnostics/obd/ecu-names.ts";
import { ObdClient } from "../../../../agent/diagnostics/obd/obd-client.ts";
import { findEcus, readSupport } from "../../../../agent/diagnostics/obd/scan.ts";
import { FakeTesterBus } from "../../../fakes/diagnostics/tester-bus.ts";

const signal = new AbortController().signal;
const ENGINE = { name: "engine", response: 0x7e8, extended: false };

describe("who answers on a bus", () => {
  it("is found with 11 and with 29 bits, and answers that are none count for nothing", async () => {
    const tester = new FakeTesterBus();
    tester.answerAll(0x7df, "01 00", [
      { rxId: 0x7e8, pdu: "41 00 be1fa813" },
      { rxId: 0x7e9, pdu: "7f 01 12" },
      { rxId: 0x7ea, pdu: "41 00 8000" },
    ]);
    tester.answerAll(0x18db_33f1, "01 00", [{ rxId: 0x18da_f128, pdu: "41 00 80000001" }]);
    expect(await findEcus(tester, "auto", "poll", signal)).toEqual({
      kind: "found",
      ecus: [
        { response: 0x7e8, extended: false },
        { response: 0x18da_f128, extended: true },
      ],
    });
    expect(tester.askedAll).toHaveLength(2);
    await findEcus(tester, "29-bit", "poll", signal);
    expect(tester.askedAll.slice(2)).toHaveLength(1);
  });

  it("is not told where nothing may be sent", async () => {
    const tester = new FakeTesterBus();
    tester.withheld = { kind: "withheld", reason: "other-tester", what: "another tester is there" };
    expect(await findEcus(tester, "auto", "poll", signal)).toEqual(tester.withheld);
  });

  it("is asked by its own id, which its answers give", () => {
    expect(requestIdOf({ response: 0x7ea, extended: false })).toBe(0x7e2);
    expect(requestIdOf({ response: 0x18da_f128, extended: true })).toBe(0x18da_28f1);
    expect(addressOf(0x7f0, false)).toBeUndefined();
    expect(addressText({ response: 0x7e8, extended: false })).toBe("0x7e8");
  });

  it("keeps the name it had, or gets the usual one, or the next that is free", () => {
    const known = [{ name: "ecu_3", response: 0x7e8, extended: false }];
    const extended = (response: number) => ({ response, extended: true });
    const found = [{ response: 0x7e8, extended: false }, extended(0x18da_f110), extended(0x18da_f128)];
    expect(nameEcus(found, known).named).toEqual([
      known[0],
      { name: "engine", ...extended(0x18da_f110) },
      { name: "ecu_4", ...extended(0x18da_f128) },
    ]);
    const many = Array.from({ length: 10 }, (_, at) => extended(0x18da_f130 + at));
    const { named, nameless } = nameEcus(many, []);
    expect(named.map(({ name }) => name)).toEqual(["ecu_3", "ecu_4", "ecu_5", "ecu_6", "ecu_7", "ecu_8"]);
    expect(nameless).toHaveLength(4);
  });
});

describe("what an ECU has", () => {
  it("is read bitmap by bitmap, and whether it takes several PIDs in a request", async () => {
    const tester = new FakeTesterBus();
    tester.answer(0x7e0, "01 00", "41 00 00180001");
    tester.answer(0x7e0, "01 20", "41 20 80000000");
    tester.answer(0x7e0, "09 00", "49 00 40400000");
    tester.answer(0x7e0, "01 0c 0d", "41 0d 37 0c 1af8");
    const support = await readSupport(new ObdClient(tester, ENGINE, "poll"), signal);
    expect(support).toMatchObject({
      kind: "done",
      value: { pids: [0x0c, 0x0d, 0x21], infoTypes: [0x02, 0x0a], packs: true },
    });
  });

  it("is what it answered: no service 09, no several PIDs, a bitmap that it announced and does not have", async () => {
    const tester = new FakeTesterBus();
    tester.answer(0x7e0, "01 00", "41 00 00180001");
    tester.answer(0x7e0, "01 20", "7f 01 12");
    tester.answer(0x7e0, "09 00", "7f 09 11");
    tester.answer(0x7e0, "01 0c 0d", "41 0c 1af8");
    const support = await readSupport(new ObdClient(tester, ENGINE, "poll"), signal);
    expect(support).toMatchObject({ value: { pids: [0x0c, 0x0d], infoTypes: [], packs: false } });
  });

  it("is not known of an ECU that says nothing, or nonsense", async () => {
    const tester = new FakeTesterBus();
    const client = new ObdClient(tester, ENGINE, "poll");
    expect(await readSupport(client, signal)).toMatchObject({ kind: "silent" });
    tester.answer(0x7e0, "01 00", "41 00 0018");
    expect(await readSupport(client, signal)).toMatchObject({ kind: "malformed" });
  });
});

describe("services of an ECU", () => {
  it("give codes, results, vehicle information and frozen values as they are read", async () => {
    const tester = new FakeTesterBus();
    const client = new ObdClient(tester, ENGINE, "technician");
    tester.answer(0x7e0, "03", "43 01 0301");
    tester.answer(0x7e0, "06 00", "46 00 80000000");
    tester.answer(0x7e0, "06 01", "46 01 81 10 0048 0000 0064");
    tester.answer(0x7e0, "02 00 00", "42 00 00 00100000");
    tester.answer(0x7e0, "02 0c 00", "42 0c 00 1af8");
    tester.answer(0x7e0, "04", "7f 04 22", "44");
    expect(await client.codes("confirmed", signal)).toMatchObject({ value: { codes: [0x0301] } });
    expect(await client.monitors(signal)).toMatchObject({ value: [1] });
    expect(await client.testResults(1, signal)).toMatchObject({ value: [{ value: 72, unit: "ms", passed: true }] });
    expect(await client.frozenPids(signal)).toMatchObject({ value: [0x0c] });
    expect(await client.freezeFrame(0x0c, signal)).toMatchObject({ value: { pid: 0x0c } });
    expect(await client.clearCodes(signal)).toEqual({ kind: "negative", code: 0x22 });
    expect(await client.clearCodes(signal)).toMatchObject({ kind: "done", value: undefined });
    expect(await client.vehicleInfo(2, signal)).toMatchObject({ kind: "silent" });
  });
});
