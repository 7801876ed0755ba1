import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AskedDid, parseReadAnswer, readGroups } from "../../../../agent/diagnostics/uds/did-answers.ts";
import { bytesOf } from "../../../fakes/diagnostics/ecus.ts";

// Answers are those of python-udsoncan 807f386, test/client/test_read_data_by_identifier.py.
const ASKED: readonly AskedDid[] = [
  { id: 1, length: 2 },
  { id: 2, length: 2 },
  { id: 4, length: 5 },
  { id: 3, length: 1 },
];

const found = (hex: string, asked: readonly AskedDid[]): readonly string[] | undefined =>
  parseReadAnswer(bytesOf(hex), asked)?.map(({ id, bytes }) => `${id}=${Buffer.from(bytes).toString("hex")}`);

describe("parseReadAnswer", () => {
  it("tells several apart by their lengths", () => {
    expect(found("62 0001 1234 0002 5678 0004 6162636465 0003 11", ASKED)).toEqual([
      "1=1234",
      "2=5678",
      "4=6162636465",
      "3=11",
    ]);
    // In another order, and without one that is not supported.
    expect(found("62 0003 11 0001 1234", ASKED)).toEqual(["3=11", "1=1234"]);
    expect(found("62 0001 1234 0002 5678 00 00 00", ASKED)).toEqual(["1=1234", "2=5678"]);
  });

  it("takes all of an answer for one data identifier whose length is not known", () => {
    expect(found("62 0005 aabbccdd", [{ id: 5 }])).toEqual(["5=aabbccdd"]);
    expect(found("62 210f 00400000", [{ id: 0x210f }])).toEqual(["8463=00400000"]);
  });

  it("does not guess where one of several ends whose length is not known", () => {
    expect(found("62 0005 aabb 0001 1234", [{ id: 5 }, { id: 1, length: 2 }])).toBeUndefined();
  });

  it.each([
    ["62 0001 1234 0002 5678 0003", "ends before the data"],
    ["62 0009 1234 0002 5678 0003 11", "is about something that nobody asked"],
    ["62", "is empty"],
    ["62 00", "is cut"],
    ["6e 0001 1234", "is of another service"],
  ])("refuses %s, which %s", (hex) => {
    expect(found(hex, ASKED)).toBeUndefined();
  });

  it("throws at no bytes, and gives no more than came (seed 16)", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 6 }), (bytes, ids) => {
        const asked = Array.from(ids, (id) => (id % 4 === 0 ? { id } : { id, length: id % 4 }));
        const data = parseReadAnswer(Uint8Array.of(0x62, ...bytes), asked) ?? [];
        expect(data.reduce((sum, one) => sum + one.bytes.length + 2, 0)).toBeLessThanOrEqual(bytes.length);
      }),
      { seed: 16, numRuns: 5000 },
    );
  });
});

describe("readGroups", () => {
  it("asks for those alone whose lengths are not known, and for no more together than an ECU holds", () => {
    const asked = [
      { id: 1, length: 2 },
      { id: 2 },
      { id: 3, length: 200 },
      { id: 4, length: 60 },
      { id: 5, length: 1 },
    ];
    expect(readGroups(asked).map((group) => group.map(({ id }) => id))).toEqual([[1, 3], [2], [4, 5]]);
    const many = Array.from({ length: 20 }, (_, id) => ({ id, length: 1 }));
    expect(readGroups(many).map((group) => group.length)).toEqual([8, 8, 4]);
  });
});
