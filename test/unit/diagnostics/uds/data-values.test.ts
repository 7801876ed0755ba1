import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { asciiOf, packOption, signalValues, valuesOf } from "../../../../agent/diagnostics/uds/data-values.ts";
import { bytesOf, ecuOf } from "../../../fakes/diagnostics/ecus.ts";

function signals(...list: readonly Readonly<Record<string, unknown>>[]) {
  return ecuOf({ dids: [{ id: 1, name: "one", signals: list }] }).dids[0].signals;
}

const PLACE = fc.record({
  startBit: fc.integer({ min: 0, max: 100 }),
  bits: fc.integer({ min: 1, max: 64 }),
  byteOrder: fc.constantFrom("big", "little"),
  signed: fc.boolean(),
});

/** Bit by bit: the places of a value from its lowest bit on. */
function placesOf(startBit: number, bits: number, byteOrder: string): readonly number[] {
  const places = [startBit];
  while (places.length < bits) {
    const at = places[places.length - 1];
    places.push(byteOrder === "little" ? at + 1 : at % 8 === 0 ? at + 15 : at - 1);
  }
  return byteOrder === "little" ? places : places.toReversed();
}

describe("signalValues", () => {
  it("reads values bit by bit as a DBC file counts bits (seed 16)", () => {
    fc.assert(
      fc.property(PLACE, fc.uint8Array({ minLength: 24, maxLength: 24 }), (place, bytes) => {
        const [{ value }] = signalValues(signals({ name: "x", ...place }), bytes);
        let raw = 0n;
        placesOf(place.startBit, place.bits, place.byteOrder).forEach((at, index) => {
          if ((bytes[Math.floor(at / 8)] >> (at % 8)) % 2 === 1) raw += 2n ** BigInt(index);
        });
        if (place.signed && raw >= 2n ** BigInt(place.bits - 1)) raw -= 2n ** BigInt(place.bits);
        expect(BigInt(value)).toBe(raw);
      }),
      { seed: 16, numRuns: 1000 },
    );
  });

  it("scales, names units and texts, and leaves out what the data does not hold", () => {
    const list = signals(
      { name: "voltage", startBit: 7, bits: 16, factor: 0.01, unit: "V" },
      { name: "state", startBit: 17, bits: 2, texts: { 0: "closed", 3: "fault" } },
      { name: "more", startBit: 31, bits: 8 },
    );
    expect(signalValues(list, bytesOf("04e203"))).toEqual([
      { name: "voltage", value: 12.5, unit: "V", text: undefined },
      { name: "state", value: 3, unit: "", text: "fault" },
    ]);
  });

  it("reads IEEE 754", () => {
    const list = signals(
      { name: "f", startBit: 7, bits: 32, kind: "float" },
      { name: "d", startBit: 39, bits: 64, kind: "double" },
    );
    // Python 3.11: struct.pack(">fd", 1.5, -2.25).hex()
    expect(signalValues(list, bytesOf("3fc00000c002000000000000")).map(({ value }) => value)).toEqual([1.5, -2.25]);
  });
});

describe("valuesOf", () => {
  it("gives text, or hexadecimal where nothing is known", () => {
    const { dids } = ecuOf({
      dids: [
        { id: 1, name: "vin", text: "ascii" },
        { id: 2, name: "serial", text: "hex" },
        { id: 3, name: "other" },
      ],
    });
    const [vin, serial, other] = dids;
    expect(valuesOf(vin, bytesOf("574142430000"))).toEqual([{ name: "vin", value: "WABC", unit: "" }]);
    expect(valuesOf(serial, bytesOf("00ff"))).toEqual([{ name: "serial", value: "00ff", unit: "" }]);
    expect(valuesOf(other, bytesOf("12"))).toEqual([{ name: "other", value: "12", unit: "" }]);
  });

  it("shows no control characters", () => {
    expect(asciiOf(bytesOf("20411b5b42010020ff"))).toBe("A?[B?");
    expect(asciiOf(bytesOf("0000ff"))).toBe("");
  });
});

describe("packOption", () => {
  const { start } = ecuOf({
    routines: [
      {
        id: 1,
        name: "test",
        class: "inert",
        start: {
          bytes: "a00000ff",
          arguments: [
            { name: "speed", startBit: 15, bits: 16, factor: 0.5, offset: -10, minimum: 0, maximum: 1000 },
            { name: "mode", startBit: 0, bits: 3, byteOrder: "little", minimum: 0, maximum: 9 },
          ],
        },
      },
    ],
  }).routines[0];

  it("puts arguments over the fixed bytes", () => {
    expect(packOption(start, { speed: 100, mode: 5 })).toEqual({ kind: "packed", bytes: bytesOf("a500dcff") });
  });

  it.each([
    [{ mode: 1 }, "speed is missing"],
    [{ speed: 1, mode: 1, more: 1 }, "more is no argument of it"],
    [{ speed: 1001, mode: 1 }, "speed is 1001, and may be 0 to 1000"],
    [{ speed: Number.NaN, mode: 1 }, "speed is NaN, and may be 0 to 1000"],
    [{ speed: 1, mode: 9 }, "mode is 9, which 3 bits cannot hold"],
  ])("says what is wrong with %j", (given, problem) => {
    expect(packOption(start, given)).toEqual({ kind: "unfit", problem });
  });

  it("packs what reading gives back (seed 16)", () => {
    fc.assert(
      fc.property(PLACE, fc.bigInt({ min: 0n, max: 2n ** 52n }), (place, seed) => {
        const raw = Number(BigInt.asIntN(place.signed ? place.bits : place.bits + 1, seed) & (2n ** 52n - 1n));
        const inRange = place.signed ? raw < 2 ** (place.bits - 1) : raw < 2 ** place.bits;
        fc.pre(inRange);
        const argument = { name: "x", minimum: 0, maximum: 2 ** 53, ...place };
        const option = ecuOf({
          routines: [{ id: 1, name: "r", class: "inert", start: { bytes: "00".repeat(24), arguments: [argument] } }],
        }).routines[0].start;
        const packed = packOption(option, { x: raw });
        const bytes = packed.kind === "packed" ? packed.bytes : new Uint8Array();
        expect(signalValues(signals({ name: "x", ...place }), bytes).map(({ value }) => value)).toEqual([raw]);
      }),
      { seed: 16, numRuns: 500 },
    );
  });
});
