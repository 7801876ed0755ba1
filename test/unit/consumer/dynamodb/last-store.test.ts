import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LastStore } from "../../../../agent/consumer/dynamodb/last-store.ts";
import type { LastValues } from "../../../../agent/consumer/dynamodb/last-values.ts";
import type { Condition, Item } from "../../../../agent/consumer/dynamodb/table-client.ts";
import { seededRandom } from "../../../bench/core/seeded-random.ts";

const SEED = 15;
const END = 2_000_000_000;

/** A table in memory that knows the two conditions of the store. */
class Table {
  readonly items = new Map<string, Item>();
  puts = 0;
  refused = 0;
  /** Done once before the next put. */
  meanwhile: (() => Promise<void>) | undefined;
  /** The next put is done, but refused when the client tries it again, as its answer was lost. */
  losesAnswer = false;

  async get(key: Item): Promise<Item | undefined> {
    return this.items.get(keyOf(key));
  }

  async put(item: Item, condition?: Condition): Promise<boolean> {
    const { meanwhile } = this;
    this.meanwhile = undefined;
    await meanwhile?.();
    this.puts += 1;
    const known = this.items.get(keyOf(item))?.version?.N;
    const wanted = condition?.values?.[":version"]?.N;
    const holds = known === wanted;
    if (holds) this.items.set(keyOf(item), structuredClone(item));
    const isDone = holds && !this.losesAnswer;
    this.losesAnswer = false;
    if (!isDone) this.refused += 1;
    return isDone;
  }

  /** By key and signal: the values. */
  values(): Record<string, Record<string, number>> {
    const all = [...this.items].map(([key, { signals }]) => {
      const entries = Object.entries(signals?.M ?? {}).map(([name, { M }]) => [name, Number(M?.v?.N)] as const);
      return [key, Object.fromEntries(entries)] as const;
    });
    return Object.fromEntries(all);
  }
}

function keyOf({ thing, fact }: Item): string {
  return `${thing?.S} ${fact?.S}`;
}

function valuesOf(all: Readonly<Record<string, readonly [value: number, orderUs: number]>>): LastValues {
  return new Map(
    Object.entries(all).map(([name, [value, orderUs]]) => {
      return [
        name,
        { value, orderUs, timeUs: orderUs, quality: "ntp" as const, unit: "", text: undefined, vssPath: undefined },
      ];
    }),
  );
}

function storeOn(table: Table, worker: string, pauses: number[] = []): LastStore {
  const sleep = async (ms: number): Promise<void> => void pauses.push(ms);
  return new LastStore({ table, worker, clock: { sleep }, random: seededRandom(SEED) });
}

describe("LastStore", () => {
  it("has an item for each bus of a thing and worker, and none waits for another", async () => {
    const table = new Table();
    const [one, other] = [storeOn(table, "g-0"), storeOn(table, "g-1")];
    for (let at = 1; at <= 3; at++) {
      await one.enter("truck-1", "can0", valuesOf({ a: [at, at] }), END);
      await other.enter("truck-1", "can0", valuesOf({ a: [10 * at, at] }), END);
    }
    await one.enter("truck-1", "can1", valuesOf({ a: [7, 1] }), END);
    await one.enter("truck-2", "can0", valuesOf({ a: [8, 1] }), END);
    expect(table.values()).toEqual({
      "truck-1 last#can0#g-0": { a: 3 },
      "truck-1 last#can0#g-1": { a: 30 },
      "truck-1 last#can1#g-0": { a: 7 },
      "truck-2 last#can0#g-0": { a: 8 },
    });
    expect([table.puts, table.refused]).toEqual([8, 0]);
  });

  it("keeps what its slot had before a restart: other signals, and newer values", async () => {
    const table = new Table();
    await storeOn(table, "g-0").enter("t", "can0", valuesOf({ a: [1, 5], b: [2, 5] }), END);
    await storeOn(table, "g-0").enter("t", "can0", valuesOf({ a: [9, 4], c: [3, 6] }), END);
    expect(table.values()).toEqual({ "t last#can0#g-0": { a: 1, b: 2, c: 3 } });
    const { puts } = table;
    await storeOn(table, "g-0").enter("t", "can0", valuesOf({ a: [9, 4] }), END);
    expect(table.puts).toBe(puts);
  });

  it("pauses with jitter where another has the slot meanwhile, and hides nothing of it", async () => {
    const table = new Table();
    const pauses: number[] = [];
    const [old, next] = [storeOn(table, "g-0", pauses), storeOn(table, "g-0")];
    await old.enter("t", "can0", valuesOf({ a: [1, 1] }), END);
    table.meanwhile = () => next.enter("t", "can0", valuesOf({ a: [3, 3], b: [3, 3] }), END);
    await old.enter("t", "can0", valuesOf({ a: [2, 2], c: [2, 2] }), END);
    expect(table.values()).toEqual({ "t last#can0#g-0": { a: 3, b: 3, c: 2 } });
    expect(pauses).toHaveLength(1);
    expect(pauses[0]).toBeLessThan(20);
  });

  it("ends with store.unavailable where the item changes at each try, after pauses of at most a second", async () => {
    const table = new Table();
    const pauses: number[] = [];
    const store = storeOn(table, "g-0", pauses);
    let version = 100;
    const change = async (): Promise<void> => {
      version += 1;
      const Key = { thing: { S: "t" }, fact: { S: "last#can0#g-0" } };
      table.items.set(keyOf(Key), { ...Key, version: { N: `${version}` }, expires_at: { N: "1" }, signals: { M: {} } });
      table.meanwhile = change;
    };
    table.meanwhile = change;
    await expect(store.enter("t", "can0", valuesOf({ a: [1, 1] }), END)).rejects.toMatchObject({
      code: "store.unavailable",
    });
    expect(pauses).toHaveLength(20);
    expect(Math.max(...pauses)).toBeLessThan(1000);
    expect(new Set(pauses).size).toBeGreaterThan(15);
  });

  it("takes a write whose answer was lost for done", async () => {
    const table = new Table();
    const store = storeOn(table, "g-0");
    table.losesAnswer = true;
    await store.enter("t", "can0", valuesOf({ a: [1, 1] }), END);
    await store.enter("t", "can0", valuesOf({ a: [2, 2] }), END);
    expect(table.values()).toEqual({ "t last#can0#g-0": { a: 2 } });
    expect([table.puts, table.refused]).toEqual([2, 1]);
  });

  it("never lets an item expire earlier than it would have", async () => {
    const table = new Table();
    await storeOn(table, "g-0").enter("t", "can0", valuesOf({ a: [1, 1] }), END);
    await storeOn(table, "g-0").enter("t", "can0", valuesOf({ a: [2, 2] }), END - 100);
    expect(table.items.get("t last#can0#g-0")?.expires_at?.N).toBe(String(END));
    await storeOn(table, "g-0").enter("t", "can0", valuesOf({ a: [3, 3] }), END + 1);
    expect(table.items.get("t last#can0#g-0")?.expires_at?.N).toBe(String(END + 1));
  });

  it(`holds the newest value of each signal somewhere, whoever wrote and was started again (seed ${SEED})`, async () => {
    const signals = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.tuple(fc.nat(99), fc.nat(99)));
    const step = fc.record({ worker: fc.constantFrom("g-0", "g-1"), process: fc.constantFrom(0, 1), signals });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const table = new Table();
        const stores = new Map<string, LastStore>();
        for (const { worker, process, signals: some } of steps) {
          const store = stores.get(`${worker} ${process}`) ?? storeOn(table, worker);
          stores.set(`${worker} ${process}`, store);
          await store.enter("t", "can0", valuesOf(some), END);
        }
        const entered = steps.flatMap(({ signals: some }) => Object.entries(some));
        for (const name of ["a", "b", "c"]) {
          const orders = [...table.items.values()].map((item) => Number(item.signals?.M?.[name]?.M?.o?.N ?? -1));
          const expected = entered.filter(([one]) => one === name).map(([, [, order]]) => order);
          expect(Math.max(-1, ...orders)).toBe(Math.max(-1, ...expected));
        }
      }),
      { seed: SEED },
    );
  });
});
