import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  parseCodeCount,
  parseCodeList,
  parseExtendedData,
  parseSnapshotNumbers,
  parseSnapshots,
} from "../../../../agent/diagnostics/uds/code-answers.ts";
import { CODES } from "../../../../agent/diagnostics/uds/requests.ts";
import { bytesOf } from "../../../fakes/diagnostics/ecus.ts";

// Answers and what they mean are those of python-udsoncan 807f386, test/client/test_read_dtc_information.py, where nothing else is said.

/** Data identifiers of those tests: 0x4711 has 5 bytes, 0x6789 3 and 0x4455 2. */
const LENGTHS = new Map([
  [0x4711, 5],
  [0x6789, 3],
  [0x4455, 2],
]);
const lengthOf = (did: number): number | undefined => LENGTHS.get(did);

describe("parseCodeCount", () => {
  it("reads mask, format and count, and leaves what follows alone", () => {
    const meant = { availability: 0xfb, format: "ISO 14229-1", count: 0x1234 };
    expect(parseCodeCount(bytesOf("5901fb011234"))).toEqual(meant);
    expect(parseCodeCount(bytesOf("5901fb011234001122"))).toEqual(meant);
  });

  it.each(["59", "5901", "5901fb", "5901fb01", "5901fb0112", "5902fb011234", "7e01fb011234"])("refuses %s", (hex) => {
    expect(parseCodeCount(bytesOf(hex))).toBeUndefined();
  });
});

describe("parseCodeList", () => {
  const meant = {
    availability: 0xfb,
    codes: [
      { raw: 0x123456, status: 0x20 },
      { raw: 0x123457, status: 0x60 },
    ],
  };

  it("reads codes with their status", () => {
    expect(parseCodeList(bytesOf("5902fb123456201234 5760"), CODES.byStatus)).toEqual(meant);
    expect(parseCodeList(bytesOf("590afb123456201234 5760"), CODES.supported)).toEqual(meant);
    expect(parseCodeList(bytesOf("5902fb"), CODES.byStatus)).toEqual({ availability: 0xfb, codes: [] });
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("takes %i zeros at the end for padding", (count) => {
    expect(parseCodeList(bytesOf(`5902fb1234562012345760${"00".repeat(count)}`), CODES.byStatus)).toEqual(meant);
  });

  it("leaves out status bits that the ECU does not keep", () => {
    expect(parseCodeList(bytesOf("59020912345 6ff"), CODES.byStatus)?.codes).toEqual([{ raw: 0x123456, status: 0x09 }]);
  });

  it.each(["59", "5902", "5902fb1234", "5902fb12345620ab", "590afb12345620", "7e00"])("refuses %s", (hex) => {
    expect(parseCodeList(bytesOf(hex), CODES.byStatus)).toBeUndefined();
  });
});

describe("parseSnapshotNumbers", () => {
  it("reads which snapshots there are", () => {
    const meant = [
      { raw: 0x123456, record: 1 },
      { raw: 0x123456, record: 2 },
      { raw: 0x789abc, record: 3 },
    ];
    expect(parseSnapshotNumbers(bytesOf("590312345601 12345602 789abc03"))).toEqual(meant);
    expect(parseSnapshotNumbers(bytesOf("590312345601 12345602 789abc03 000000"))).toEqual(meant);
    expect(parseSnapshotNumbers(bytesOf("5903"))).toEqual([]);
  });

  it.each(["59", "590312", "59031234", "5903123456", "5903123456011 2", "5904"])("refuses %s", (hex) => {
    expect(parseSnapshotNumbers(bytesOf(hex))).toBeUndefined();
  });
});

describe("parseSnapshots", () => {
  const first = { record: 2, id: 0x4711, bytes: bytesOf("a666075020") };
  const second = { record: 2, id: 0x6789, bytes: bytesOf("998877") };

  it("reads one data identifier, two, and records of several", () => {
    const head = { raw: 0x123456, status: 0x24, rest: undefined };
    expect(parseSnapshots(bytesOf("59041234562402014711a666075020"), lengthOf)).toEqual({ ...head, data: [first] });
    expect(parseSnapshots(bytesOf("59041234562402024711a6660750206789998877"), lengthOf)).toEqual({
      ...head,
      data: [first, second],
    });
    expect(parseSnapshots(bytesOf("59041234562402024711a6660750206789998877030144554321"), lengthOf)).toEqual({
      ...head,
      data: [first, second, { record: 3, id: 0x4455, bytes: bytesOf("4321") }],
    });
    expect(parseSnapshots(bytesOf("590412345624"), lengthOf)).toEqual({ ...head, data: [] });
  });

  it.each([1, 2, 3, 4, 5, 6, 7])("takes %i zeros at the end for padding", (count) => {
    const hex = `59041234562402014711a666075020${"00".repeat(count)}`;
    expect(parseSnapshots(bytesOf(hex), lengthOf)?.data).toEqual([first]);
  });

  it("keeps what follows a data identifier without a length as it came", () => {
    expect(parseSnapshots(bytesOf("590412345624020247 11a666075020 9999 0102030405"), lengthOf)).toEqual({
      raw: 0x123456,
      status: 0x24,
      data: [first],
      rest: { record: 2, id: 0x9999, bytes: bytesOf("0102030405") },
    });
  });

  it("reads an answer of a vehicle once its lengths are known", () => {
    // python-udsoncan issue 168: 25 data identifiers of 1 to 6 bytes.
    const hex =
      "5904c25900090119cf0078cf010000cf02170404000000cf03000000ce000000ce010019ce02006cce0300ce040026ce0500ce0641ce0741ce0841ce0943ce0a43ce0b43ce0c00ce0d2364ce0e23ce0f00ce1001ce1102ce1201ce1303ce140000";
    const bytes = new Map([
      [0xcf01, 2],
      [0xcf02, 6],
      [0xcf03, 3],
      [0xce00, 2],
      [0xce01, 2],
      [0xce02, 2],
      [0xce04, 2],
      [0xce0d, 2],
      [0xce14, 2],
    ]);
    const read = parseSnapshots(bytesOf(hex), (did) => bytes.get(did) ?? 1);
    expect(read?.raw).toBe(0xc25900);
    expect(read?.data).toHaveLength(25);
    expect(read?.data.at(-2)).toEqual({ record: 1, id: 0xce13, bytes: bytesOf("03") });
  });

  it.each([
    "590412",
    "59041234",
    "5904123456",
    "59041234562402",
    "5904123456240201",
    "590412345624020147",
    "59041234562402014711a6",
    "59041234562402014711a66607 50",
    "59041234562402014711a666075020 03",
    "59041234562402014711a666075020 0301 67",
    "59041234562402014711a666075020 0301 6789 99 88",
    "59051234562402014711a666075020",
  ])("refuses %s", (hex) => {
    expect(parseSnapshots(bytesOf(hex), lengthOf)).toBeUndefined();
  });
});

describe("parseExtendedData", () => {
  it("reads records by their lengths, and keeps what follows one without", () => {
    const head = { raw: 0x123456, status: 0x20 };
    expect(parseExtendedData(bytesOf("5906123456 20 99 0102030405"), () => 5)).toEqual({
      ...head,
      data: [{ record: 0x99, id: 0x99, bytes: bytesOf("0102030405") }],
      rest: undefined,
    });
    const two = bytesOf("5906123456 20 10 010203 11 040506");
    expect(parseExtendedData(two, () => 3)?.data.map(({ record }) => record)).toEqual([0x10, 0x11]);
    expect(parseExtendedData(two, (record) => (record === 0x10 ? 3 : undefined))?.rest).toEqual({
      record: 0x11,
      id: 0x11,
      bytes: bytesOf("040506"),
    });
    expect(parseExtendedData(bytesOf("590612345620"), () => 3)?.data).toEqual([]);
  });

  it.each(["59", "5906", "590612", "5906123456", "590612345620 99 01 02", "590412345620"])("refuses %s", (hex) => {
    expect(parseExtendedData(bytesOf(hex), () => 5)).toBeUndefined();
  });
});

it("throws at no bytes, and gives no more than came (seed 16)", () => {
  const lengths = (id: number): number | undefined => (id % 3 === 0 ? undefined : id % 5);
  fc.assert(
    fc.property(fc.constantFrom(1, 2, 3, 4, 6, 10), fc.uint8Array({ maxLength: 80 }), (subfunction, bytes) => {
      const pdu = Uint8Array.of(0x59, subfunction, ...bytes);
      parseCodeCount(pdu);
      parseSnapshotNumbers(pdu);
      expect((parseCodeList(pdu, CODES.byStatus)?.codes.length ?? 0) * 4).toBeLessThanOrEqual(bytes.length);
      for (const read of [parseSnapshots(pdu, lengths), parseExtendedData(pdu, lengths)]) {
        const kept = [...(read?.data ?? []), ...(read?.rest === undefined ? [] : [read.rest])];
        expect(kept.reduce((sum, one) => sum + one.bytes.length, 0)).toBeLessThanOrEqual(bytes.length);
      }
    }),
    { seed: 16, numRuns: 5000 },
  );
});
