import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LastKnown } from "../../../../agent/companion/vehicle/last-known.ts";

const SEED = 15;

type Entry = { readonly v: number; readonly t: number; readonly o: number };

/** An item of last known values as the consumer writes it, by signal. */
function itemOf(signals: Readonly<Record<string, Entry>>) {
  const entries = Object.entries(signals).map(([name, { v, t, o }]) => {
    return [name, { M: { v: { N: `${v}` }, t: { N: `${t}` }, o: { N: `${o}` }, u: { S: "km/h" } } }] as const;
  });
  return { signals: { M: Object.fromEntries(entries) } };
}

function newestOf(items: readonly Readonly<Record<string, Entry>>[]) {
  const known = new LastKnown();
  for (const item of items) known.add(itemOf(item));
  return known.values();
}

describe("last known values over the items of several workers", () => {
  it("are those of no item, of one, and of one without such signals", () => {
    expect(newestOf([])).toEqual([]);
    expect(newestOf([{ "Other.Signal": { v: 1, t: 2, o: 3 } }])).toEqual([]);
    expect(newestOf([{ "VehicleMotion.Speed": { v: 12.5, t: 3000, o: 3000 } }])).toEqual([
      { signal: "VehicleMotion.Speed", value: 12.5, unit: "km/h", timeMs: 3 },
    ]);
  });

  it("go by what came last where nothing vouches for a time", () => {
    const [of2100, later] = [
      { v: 1, t: 4_102_444_800_000_000, o: 1000 },
      { v: 2, t: 2000, o: 2000 },
    ];
    for (const order of [
      [of2100, later],
      [later, of2100],
    ])
      expect(newestOf(order.map((entry) => ({ "DoorStatus.Locked": entry })))).toMatchObject([{ value: 2 }]);
  });

  it("leave out what is no value with a time", () => {
    const known = new LastKnown();
    known.add({});
    known.add({ signals: { S: "no map" } });
    known.add({ signals: { M: { "VehicleMotion.Speed": { M: { v: { N: "1" }, t: { S: "now" } } } } } });
    known.add({ signals: { M: { "VehicleMotion.Speed": { M: { t: { N: "1" } } } } } });
    known.add({ signals: { M: { "VehicleMotion.Speed": { M: { v: { N: "1" }, t: { N: "x" }, o: { N: "1" } } } } } });
    expect(known.values()).toEqual([]);
  });

  it(`are of each signal the first of all entries sorted from new to old (seed ${SEED})`, () => {
    const entry = fc.record({ v: fc.nat(), t: fc.nat(4), o: fc.nat(4) });
    const item = fc.dictionary(fc.constantFrom("DoorStatus.Locked", "VehicleMotion.Speed", "Other.Signal"), entry);
    fc.assert(
      fc.property(fc.array(item, { maxLength: 8 }), (items) => {
        const expected = ["DoorStatus.Locked", "VehicleMotion.Speed"].flatMap((signal) => {
          const entries = items.flatMap((one) => one[signal] ?? []);
          const [newest] = entries.toSorted((a, b) => b.o - a.o || b.t - a.t);
          return newest === undefined ? [] : [{ signal, value: newest.v, unit: "km/h", timeMs: newest.t / 1000 }];
        });
        expect(newestOf(items)).toEqual(expected);
      }),
      { seed: SEED },
    );
  });
});
