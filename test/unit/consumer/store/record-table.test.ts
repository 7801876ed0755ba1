import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isWhole, type RecordTable, type TableBody, withPart } from "../../../../agent/consumer/store/record-table.ts";
import type { RecordSignal } from "../../../../agent/telemetry/record/read/decoded-record.ts";

const SEED = 15;

function signal(index: number, over: Partial<RecordSignal> = {}): RecordSignal {
  const names = { bus: "can0", message: "Doors", name: `Door${index}`, unit: "" };
  const facts = { arbitrationId: 0x123, extended: false, factor: 1, offset: 0, bits: 8, signed: false };
  return { ...names, ...facts, index, kind: "integer", vss: [], ...over };
}

function part(over: Partial<TableBody>): TableBody {
  return { kind: "table", id: "0011223344556677", total: 3, signals: [], ...over };
}

const open = { raws: [1], texts: ["open"] };
const closed = { raws: [0], texts: ["closed"] };
const parts: readonly TableBody[] = [
  part({ signals: [signal(0), signal(1)], vssRelease: "6.0" }),
  part({ signals: [signal(2, { bits: 64 })] }),
  part({
    moreTexts: [{ signal: 0, texts: open, vss: [{ path: "A", unit: "", value: { kind: "values", values: open } }] }],
  }),
  part({
    moreTexts: [
      { signal: 0, texts: closed, vss: [{ path: "A", unit: "", value: { kind: "values", values: closed } }] },
      { signal: 2, texts: { raws: [-1], texts: ["none"] }, vss: [] },
    ],
  }),
];

function shown({ signals, moreTexts, ...facts }: RecordTable): unknown {
  return { ...facts, moreTexts: moreTexts.length, signals: [...signals].toSorted(([one], [other]) => one - other) };
}

function assembled(of: readonly TableBody[]): RecordTable {
  const [first, ...others] = of;
  return others.reduce<RecordTable>(withPart, withPart(undefined, first));
}

describe("withPart", () => {
  it("puts a table together from its parts in any order, repeats among them", () => {
    const whole = shown(assembled(parts));
    fc.assert(
      fc.property(fc.shuffledSubarray([...parts, ...parts], { minLength: 8 }), (order) => {
        expect(shown(assembled(order))).toEqual(whole);
      }),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("joins texts and the values of one path that came apart, and reads those of an unsigned signal of 64 bits as such", () => {
    const { signals } = assembled(parts);
    const both = { raws: [0, 1], texts: ["closed", "open"] };
    expect(signals.get(0)).toMatchObject({
      texts: both,
      vss: [{ path: "A", value: { kind: "values", values: both } }],
    });
    expect(signals.get(2)?.texts).toEqual({ raws: [0xffff_ffff_ffff_ffffn], texts: ["none"] });
  });

  it("is whole when each signal is there, though texts of one are not", () => {
    expect(parts.map((_, at) => isWhole(assembled(parts.slice(0, at + 1))))).toEqual([false, true, true, true]);
    expect(isWhole(assembled([parts[2]]))).toBe(false);
  });
});
