import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codeKindOf, codesRequest, parseCodes } from "../../../../agent/diagnostics/obd/code-answers.ts";
import { currentDataRequest, parseCurrentData } from "../../../../agent/diagnostics/obd/current-data.ts";
import { freezeRequest, parseFreeze } from "../../../../agent/diagnostics/obd/freeze-frame.ts";
import { parseTests } from "../../../../agent/diagnostics/obd/monitor-results.ts";
import { PIDS } from "../../../../agent/diagnostics/obd/pid-table.ts";
import { parseSupported } from "../../../../agent/diagnostics/obd/supported-bits.ts";
import { parseVehicleInfo } from "../../../../agent/diagnostics/obd/vehicle-info.ts";

const SEED = 16;
const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
const problem = (text: string): unknown => ({ kind: "malformed", problem: text });

describe("a bitmap of what is supported", () => {
  it("has bit 31 for the first and bit 0 for the next bitmap", () => {
    // BE1FA813 is the common example of Wikipedia's article on OBD-II PIDs.
    expect(parseSupported(0, bytes("be1fa813"))).toEqual({
      kind: "supported",
      ids: [0x01, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x13, 0x15, 0x1c, 0x1f],
      next: 0x20,
    });
    expect(parseSupported(0x20, bytes("80000000"))).toEqual({ kind: "supported", ids: [0x21], next: undefined });
    expect(parseSupported(0xe0, bytes("00000001"))).toMatchObject({ next: undefined });
    expect(parseSupported(0, bytes("be1fa8"))).toEqual(problem("the bitmap 0x00 has 3 bytes instead of 4"));
  });
});

describe("an answer with current data", () => {
  it("is split by the lengths of its PIDs", () => {
    expect(currentDataRequest([0x0c, 0x0d])).toEqual(bytes("01 0c 0d"));
    expect(parseCurrentData(bytes("41 0c 1af8 0d 37 00 be1fa813"))).toEqual({
      kind: "data",
      values: [
        { pid: 0x0c, data: bytes("1af8") },
        { pid: 0x0d, data: bytes("37") },
        { pid: 0x00, data: bytes("be1fa813") },
      ],
      unread: 0,
    });
  });

  it("takes the length with which it comes out even where a PID has one of two", () => {
    expect(parseCurrentData(bytes("41 06 80 07 81 82"))).toMatchObject({
      values: [{ data: bytes("80") }, { data: bytes("8182") }],
    });
    expect(parseCurrentData(bytes("41 55 80 81"))).toMatchObject({ values: [{ data: bytes("8081") }] });
  });

  it("leaves what is behind a PID that it does not know", () => {
    expect(parseCurrentData(bytes("41 0d 37 c1 01 02"))).toEqual({
      kind: "data",
      values: [{ pid: 0x0d, data: bytes("37") }],
      unread: 3,
    });
    expect(parseCurrentData(bytes("41 c1 01 02"), new Set([0xc1]))).toMatchObject({ values: [{ pid: 0xc1 }] });
    expect(parseCurrentData(bytes("41 c1 01 02"))).toMatchObject({ values: [], unread: 3 });
  });

  it("has no more than six PIDs, so that many of two lengths do not take for ever", () => {
    const many = Uint8Array.from([0x41, ...Array.from({ length: 2000 }, () => [6, 7]).flat()]);
    expect(parseCurrentData(many)).toMatchObject({ kind: "malformed" });
  });

  it("is refused where it has not the length, or is of a PID that nobody asked for", () => {
    expect(parseCurrentData(bytes("41 0c 1a"))).toMatchObject({ kind: "malformed" });
    expect(parseCurrentData(bytes("41 0c 1a f8 00"))).toMatchObject({ kind: "malformed" });
    expect(parseCurrentData(bytes("41 0d 37"), new Set([0x0c]))).toMatchObject({ kind: "malformed" });
    expect(parseCurrentData(bytes("7f 01 12"))).toEqual(problem("it is no answer to service 0x01"));
    expect(parseCurrentData(bytes("41 0c"))).toEqual(problem("it has 2 bytes"));
  });

  it("comes back as it was put together, whatever PIDs it has", () => {
    const fixed = PIDS.filter(({ mostBytes }) => mostBytes === undefined);
    const parts = fc
      .uniqueArray(fc.constantFrom(...fixed), { minLength: 1, maxLength: 6 })
      .chain((pids) =>
        fc.tuple(
          ...pids.map(({ pid, bytes: length }) =>
            fc.uint8Array({ minLength: length, maxLength: length }).map((data) => ({ pid, data })),
          ),
        ),
      );
    fc.assert(
      fc.property(parts, (values) => {
        const pdu = Uint8Array.from([0x41, ...values.flatMap(({ pid, data }) => [pid, ...data])]);
        const read = parseCurrentData(pdu, new Set(values.map(({ pid }) => pid)));
        expect(read).toEqual({ kind: "data", values, unread: 0 });
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });
});

describe("an answer with trouble codes", () => {
  it("has as many as it says, without padding and repeats", () => {
    expect(codesRequest("permanent")).toEqual(bytes("0a"));
    expect(codeKindOf(bytes("47 00"))).toBe("pending");
    expect(parseCodes(bytes("43 02 0104 8003"))).toEqual({ kind: "codes", of: "confirmed", codes: [0x0104, 0x8003] });
    expect(parseCodes(bytes("4a 03 0104 0000 0104 0000"))).toEqual({ kind: "codes", of: "permanent", codes: [0x0104] });
    expect(parseCodes(bytes("43 00 00 00 00 00 00"))).toEqual({ kind: "codes", of: "confirmed", codes: [] });
  });

  it("is refused where codes are missing or too many, so that none is taken for healed", () => {
    expect(parseCodes(bytes("43 02 0104"))).toEqual(problem("an answer 0x43 says 2 codes and has 2 bytes"));
    expect(parseCodes(bytes("43 01 0104 8003"))).toEqual(
      problem("an answer 0x43 says 1 codes and has 2 bytes behind them"),
    );
    expect(parseCodes(bytes("43"))).toEqual(problem("an answer 0x43 has no count of codes"));
    expect(parseCodes(bytes("44"))).toMatchObject({ kind: "malformed" });
  });
});

describe("a freeze frame", () => {
  it("has the data of the PID that was asked for", () => {
    expect(freezeRequest(0x0c)).toEqual(bytes("02 0c 00"));
    expect(parseFreeze(bytes("42 0c 00 1af8"), 0x0c)).toEqual({
      kind: "freeze",
      pid: 0x0c,
      frame: 0,
      data: bytes("1af8"),
    });
    expect(parseFreeze(bytes("42 0d 00 37"), 0x0c)).toEqual(problem("an answer 0x42 is of PID 0x0d instead of 0x0c"));
    expect(parseFreeze(bytes("42 0c 00 1a"), 0x0c)).toEqual(
      problem("an answer 0x42 has 1 bytes for PID 0x0c instead of 2"),
    );
  });
});

describe("results of monitors", () => {
  it("are those of python-OBD's test_monitor", () => {
    const read = parseTests(bytes("46 01010A0BB00BB00BB0 010510004800000064 0185240096004BFFFF"));
    expect(read).toMatchObject({
      kind: "tests",
      tests: [
        { monitor: 1, test: 1, unit: "mV", passed: true },
        { monitor: 1, test: 5, unit: "ms", value: 72, least: 0, most: 100, passed: true },
        { monitor: 1, test: 0x85, unit: "", value: 150, least: 75, most: 65_535, passed: true },
      ],
    });
    if (read.kind === "tests") expect(read.tests[0].value).toBeCloseTo(365, 1);
  });

  it("are signed where the scaling is, and raw where it is not known", () => {
    // FE is 0.25 Pa in two's complement (python-OBD, tests/test_uas.py).
    expect(parseTests(bytes("46 3c 81 fe fffc 8000 0000"))).toMatchObject({
      tests: [{ unit: "Pa", value: -1, least: -8192, most: 0, passed: true }],
    });
    expect(parseTests(bytes("46 3c 81 70 0005 0006 0007"))).toMatchObject({
      tests: [{ unit: undefined, value: 5, passed: false }],
    });
    expect(parseTests(bytes("46 3c 81 fe"))).toMatchObject({ kind: "malformed" });
  });
});

describe("vehicle information", () => {
  // The examples of ISO 15031-5, as tests of several free programs have them.
  it("has a VIN", () => {
    const vin = "49 02 01 31 47 31 4A 43 35 34 34 34 52 37 32 35 32 33 36 37";
    expect(parseVehicleInfo(bytes(vin))).toEqual({ kind: "vin", vin: "1G1JC5444R7252367" });
    expect(parseVehicleInfo(bytes(`${vin} 00 00`))).toEqual({ kind: "vin", vin: "1G1JC5444R7252367" });
    expect(parseVehicleInfo(bytes("49 02 01 ff ff"))).toEqual(problem("it has no VIN of 17 characters"));
  });

  it("has calibration ids and their verification numbers", () => {
    const ids = Buffer.from("JMB*36761500\0\0\0\0JMB*4787261111\0\0").toString("hex");
    expect(parseVehicleInfo(bytes(`49 04 02 ${ids}`))).toEqual({
      kind: "calibration-ids",
      ids: ["JMB*36761500", "JMB*4787261111"],
    });
    expect(parseVehicleInfo(bytes("49 06 02 1791BC82 16E062BE"))).toEqual({
      kind: "verification-numbers",
      numbers: ["1791BC82", "16E062BE"],
    });
    expect(parseVehicleInfo(bytes("49 06 02 1791BC82"))).toEqual(
      problem("an answer 0x49 of type 0x06 says 2 items of 4 bytes and has 4 bytes"),
    );
  });

  it("has in-use ratios and the name of the ECU", () => {
    expect(parseVehicleInfo(bytes("49 08 04 0400 0D09 0338 03B1"))).toEqual({
      kind: "ratios",
      counts: [
        { name: "obd_conditions", count: 1024 },
        { name: "ignition_cycles", count: 3337 },
        { name: "catalyst_b1_completed", count: 824 },
        { name: "catalyst_b1_conditions", count: 945 },
      ],
    });
    expect(parseVehicleInfo(bytes("49 0a 01 45434D002D456E67696E6520436F6E74726F6C00"))).toEqual({
      kind: "name",
      name: "ECM-Engine Control",
    });
  });

  it("has a bitmap with and without a count before it", () => {
    expect(parseVehicleInfo(bytes("49 00 55 40 00 00"))).toEqual({ kind: "supported", data: bytes("55400000") });
    expect(parseVehicleInfo(bytes("49 00 01 55 40 00 00"))).toEqual({ kind: "supported", data: bytes("55400000") });
    expect(parseVehicleInfo(bytes("49 02 01 00"), 0x04)).toEqual(
      problem("an answer 0x49 is of type 0x02 instead of 0x04"),
    );
  });
});

describe("hostile answers", () => {
  it("are read or refused, and never throw or hold more than they brought", () => {
    const head = fc.constantFrom(0x41, 0x42, 0x43, 0x46, 0x47, 0x49, 0x4a, 0x7f);
    const pdu = fc.tuple(head, fc.uint8Array({ maxLength: 80 })).map(([first, rest]) => Uint8Array.of(first, ...rest));
    fc.assert(
      fc.property(pdu, fc.integer({ min: 0, max: 255 }), (answer, asked) => {
        const data = parseCurrentData(answer);
        if (data.kind === "data") {
          const held = data.values.reduce((sum, { data: own }) => sum + 1 + own.length, 0);
          expect(held + data.unread).toBe(answer.length - 1);
        }
        const codes = parseCodes(answer);
        if (codes.kind === "codes") expect(codes.codes.length * 2).toBeLessThanOrEqual(answer.length - 2);
        const tests = parseTests(answer);
        if (tests.kind === "tests") expect(tests.tests.length * 9).toBe(answer.length - 1);
        for (const read of [parseVehicleInfo(answer), parseVehicleInfo(answer, asked), parseFreeze(answer, asked)]) {
          expect(read.kind).toBeTypeOf("string");
        }
      }),
      { seed: SEED, numRuns: 20_000 },
    );
  });
});
