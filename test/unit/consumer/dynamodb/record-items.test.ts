import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { idOf, RecordItemMaker, type RecordItems, unfitFor } from "../../../../agent/consumer/dynamodb/record-items.ts";
import type { Item } from "../../../../agent/consumer/dynamodb/table-client.ts";
import type { Delivery } from "../../../../agent/consumer/store/delivery.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";
import { deliveryOf, NEW_YEAR_US, recordOf } from "../../../fakes/consumer/deliveries.ts";

const SEED = 15;
const NO_SHIFT = { shiftUs: 0, quality: "ntp", basis: "clock" } as const;
const columns = z.object({
  axes: z.array(z.array(z.number())),
  columns: z.array(
    z.looseObject({ axis: z.number(), signal: z.string(), values: z.array(z.union([z.number(), z.string()])) }),
  ),
  event: z.unknown().optional(),
});

function made(delivery: Delivery, shift: Parameters<RecordItemMaker["make"]>[1] = NO_SHIFT): RecordItems {
  const items = new RecordItemMaker().make(delivery, shift, 99);
  if ("reason" in items) throw new Error(items.detail);
  return items;
}

function rowsBody(values: readonly (number | bigint)[]): Extract<Delivery["record"]["body"], { kind: "rows" }> {
  const rows = values.map((value, at) => {
    return { name: "Engine.Speed", bus: "can0", value, unit: "rpm", timeUs: NEW_YEAR_US + at * 10, vssPaths: [] };
  });
  return { kind: "rows", rows, buses: [] };
}

function contentOf({ head, parts }: RecordItems): z.infer<typeof columns> {
  const bytes = [head, ...parts].map((item) => item.content?.B ?? new Uint8Array());
  return columns.parse(JSON.parse(gunzipSync(Buffer.concat(bytes)).toString()));
}

/** Bytes of an item as DynamoDB counts them, numbers as their digits (developer guide, "Item sizes and formats"). */
function sizeOf(item: Item): number {
  return Object.entries(item).reduce(
    (sum, [name, { S = "", N = "", B }]) => sum + name.length + Buffer.byteLength(S) + N.length + (B?.length ?? 0),
    0,
  );
}

describe("items of a record", () => {
  it("stand by epoch, stream and seq", () => {
    const ids = [
      { epoch: 7, seq: 9 },
      { epoch: 7, seq: 10 },
      { epoch: 70, seq: 1 },
    ].map((id) => idOf({ ...id, stream: "event" }));
    expect(ids.toSorted()).toEqual(ids);
    expect(ids[0]).toBe("0000000000000007#event#0000000000000009");
  });

  it(`hold each value and time exactly (seed ${SEED})`, () => {
    const value = fc.oneof(fc.double(), fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 64n - 1n }));
    fc.assert(
      fc.property(
        fc.array(value, { minLength: 1, maxLength: 20 }),
        fc.integer({ min: -9e12, max: 9e12 }),
        (values, shiftUs) => {
          const items = made(deliveryOf(recordOf({ body: rowsBody(values) })), {
            shiftUs,
            quality: "gps",
            basis: "corrected",
          });
          const { axes, columns: found } = contentOf(items);
          const read = found.flatMap(({ axis, values: of }) => {
            let timeUs = 0;
            return of.map((one, at) => {
              timeUs += axes[axis]?.[at] ?? Number.NaN;
              return [timeUs, one];
            });
          });
          const shown = (one: number | bigint): number | string => {
            if (typeof one === "bigint") return String(one);
            if (Object.is(one, -0)) return 0;
            return Number.isFinite(one) ? one : ({ NaN: "NaN", Infinity: "inf" }[String(one)] ?? "-inf");
          };
          expect(read).toEqual(values.map((one, at) => [NEW_YEAR_US + at * 10, shown(one)]));
          expect(items.head.time_us?.N).toBe(String(NEW_YEAR_US + (values.length - 1) * 10 + shiftUs));
          expect(items.head.first_us?.N).toBe(String(NEW_YEAR_US + shiftUs));
          expect(items.head.shift_us?.N).toBe(String(shiftUs));
        },
      ),
      { seed: SEED, numRuns: 300 },
    );
  });

  it("are several where one would be too large, each below 400 KB, and only one of them is in the index", () => {
    const random = seededRandom(SEED);
    const items = made(deliveryOf(recordOf({ body: rowsBody(Array.from({ length: 120_000 }, random)) })));
    expect(items.parts.length).toBeGreaterThan(1);
    for (const item of [items.head, ...items.parts]) expect(sizeOf(item)).toBeLessThan(400_000);
    expect(items.parts.every(({ series }) => series === undefined)).toBe(true);
    expect(items.head.parts?.N).toBe(String(items.parts.length));
    expect(contentOf(items).columns[0]?.values).toHaveLength(120_000);
    const ids = items.parts.map(({ id }) => id?.S);
    expect(ids[0]).toBe(`${items.head.id?.S}#${items.head.parts_digest?.S}#1`);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("refuse what not even 16 items hold", () => {
    const random = seededRandom(SEED);
    const detail = Buffer.from(Array.from({ length: 6_000_000 }, () => random() * 256)).toString("latin1");
    const body = { kind: "notice", event: "x", detail, timeUs: 1 } as const;
    const items = new RecordItemMaker().make(deliveryOf(recordOf({ body })), NO_SHIFT, 99);
    expect(items).toMatchObject({ reason: "too-long" });
  });

  it("show events as JSON, and compress long ones", () => {
    const short = made(deliveryOf(recordOf())).head;
    expect(short.series?.S).toBe("truck-1#events");
    expect(JSON.parse(short.body?.S ?? "")).toEqual({ event: "test.noted", detail: "", timeUs: NEW_YEAR_US });
    const body = { kind: "notice", event: "x", detail: "y".repeat(50_000), timeUs: 1 } as const;
    const long = made(deliveryOf(recordOf({ body }))).head;
    expect(long.body).toBeUndefined();
    expect(JSON.parse(gunzipSync(long.content?.B ?? "").toString())).toMatchObject({ event: "x" });
  });

  it("keep a table part out of the index", () => {
    const { head } = made(deliveryOf(recordOf({ body: { kind: "table", id: "t", total: 1, signals: [] } })));
    expect([head.kind?.S, head.series, head.time_us]).toEqual(["table", undefined, undefined]);
  });

  it("are refused with names that keys cannot have", () => {
    expect(unfitFor(deliveryOf(recordOf()))).toBeUndefined();
    const things = ["", "a b", "a#samples", "x".repeat(129)];
    expect(things.filter((thing) => unfitFor(deliveryOf(recordOf({ thing }))) === undefined)).toEqual([]);
    expect(unfitFor(deliveryOf(recordOf({ bootId: "b".repeat(901) })))?.reason).toBe("unfit");
    const table = { kind: "table", id: "é".repeat(451), total: 1, signals: [] } as const;
    expect(unfitFor(deliveryOf(recordOf({ body: table })))?.reason).toBe("unfit");
    const long = { ...deliveryOf(recordOf({ body: { ...table, id: "t" } })), payload: new Uint8Array(400_000) };
    expect(unfitFor(long)?.reason).toBe("too-long");
  });
});
