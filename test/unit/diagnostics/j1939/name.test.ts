import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nameBytes, nameFields, nameIn, nameOf, nameText } from "../../../../agent/diagnostics/j1939/name.ts";

const SEED = 1939;
const claim = (hex: string): bigint => {
  const name = nameIn(Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex")));
  if (name === undefined) throw new Error(hex);
  return name;
};

describe("a NAME of J1939", () => {
  // AddressClaimPacketTest of j1939-84 (ETI): claims seen on trucks.
  it.each([
    ["10 F7 45 01 00 45 00 01", { identity: 390_928, manufacturer: 10, function: 69, vehicleSystemInstance: 1 }],
    ["43 47 60 05 00 13 00 00", { identity: 18_243, manufacturer: 43, function: 19 }],
    ["00 00 E0 FF 00 82 00 00", { identity: 0, manufacturer: 2047, function: 130 }],
    ["00 00 40 05 00 00 65 14", { manufacturer: 42, vehicleSystem: 50, vehicleSystemInstance: 4, industryGroup: 1 }],
  ])("says what the claim %s says", (hex, fields) => {
    expect(nameFields(claim(hex))).toMatchObject({ ...fields, ecuInstance: 0, arbitraryAddress: false });
  });

  it("has its fields where arithmetic puts them", () => {
    console.log(`seed ${SEED}`);
    const bits = (max: number) => fc.integer({ min: 0, max });
    fc.assert(
      fc.property(
        fc.record({
          identity: bits(0x1f_ffff),
          manufacturer: bits(0x7ff),
          ecuInstance: bits(7),
          functionInstance: bits(31),
          function: bits(255),
          vehicleSystem: bits(127),
          vehicleSystemInstance: bits(15),
          industryGroup: bits(7),
          arbitraryAddress: fc.boolean(),
        }),
        (fields) => {
          const name = nameOf(fields);
          const sum =
            BigInt(fields.identity) +
            BigInt(fields.manufacturer) * 2n ** 21n +
            BigInt(fields.ecuInstance) * 2n ** 32n +
            BigInt(fields.functionInstance) * 2n ** 35n +
            BigInt(fields.function) * 2n ** 40n +
            BigInt(fields.vehicleSystem) * 2n ** 49n +
            BigInt(fields.vehicleSystemInstance) * 2n ** 56n +
            BigInt(fields.industryGroup) * 2n ** 60n +
            (fields.arbitraryAddress ? 2n ** 63n : 0n);
          expect(name).toBe(sum);
          expect(nameFields(name)).toEqual(fields);
          expect(nameIn(nameBytes(name))).toBe(name);
        },
      ),
      { seed: SEED },
    );
  });

  it("is written as j1939acd takes it, and is not in a claim of another length", () => {
    expect(nameText(claim("10 F7 45 01 00 45 00 01"))).toBe("010045000145f710");
    expect(nameIn(new Uint8Array(7))).toBeUndefined();
    expect(nameIn(new Uint8Array(9))).toBeUndefined();
  });
});
