import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compressRaw, payloadsOf } from "../../../../agent/fleetwise/write/payloads.ts";
import { snappyBytes } from "../../../bench/cloud/raw-snappy.ts";

const SEED = 20_261_129;

describe("raw snappy", () => {
  // Bytes of campaigns.md, section 7; other forms of the same are valid too.
  it("of the reference is what the reader of the tests reads", () => {
    const plain =
      "0a03632d311204646d2d311807208098a3e7ac332a0e08e707100a190000000000804b402a05100b220150320712055030333031";
    const packed =
      "34700a03632d311204646d2d311807208098a3e7ac332a0e08e707100a1900010148804b402a05100b220150320712055030333031";
    expect(Buffer.from(snappyBytes(Buffer.from(packed, "hex"))).toString("hex")).toBe(plain);
    expect(Buffer.from(compressRaw(Buffer.from(plain, "hex"))).toString("hex")).toBe(packed);
  });

  it(`of anything leads back to it (seed ${SEED})`, () => {
    const repetitive = fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 600 }))
      .map(([part, times]) => Uint8Array.from({ length: part.length * times }, (_, at) => part[at % part.length]));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 5000 }), repetitive), (bytes) => {
        expect(Buffer.compare(snappyBytes(compressRaw(bytes)), bytes)).toBe(0);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("makes little of what repeats", () => {
    expect(compressRaw(new Uint8Array(100_000)).length).toBeLessThan(5000);
  });
});

describe("what is too large for one payload", () => {
  const encode = (list: readonly number[]): Uint8Array =>
    Uint8Array.from({ length: list.reduce((sum, one) => sum + one, 0) });
  const halve = (list: readonly number[]): readonly [readonly number[], readonly number[]] | undefined =>
    list.length < 2 ? undefined : [list.slice(0, 1), list.slice(1)];
  const lengths = (list: readonly number[]) => {
    const { payloads, dropped } = payloadsOf(list, { encode, halve, compress: false, maxBytes: 10 });
    return { lengths: payloads.map(({ length }) => length), dropped };
  };

  it("is halved until it fits, in order", () => {
    expect(lengths([4, 6])).toEqual({ lengths: [10], dropped: 0 });
    expect(lengths([4, 7, 8, 2])).toEqual({ lengths: [4, 7, 10], dropped: 0 });
  });

  it("is counted where it cannot be halved, and costs nothing else", () => {
    expect(lengths([4, 11, 5])).toEqual({ lengths: [4, 5], dropped: 1 });
  });
});
