import { describe, expect, it } from "vitest";
import { keyOf, type RowStore } from "../../agent/companion/store/row-store.ts";

const NOW_MS = 1_767_225_600_000;
const FOR_EVER = { nowMs: NOW_MS, expiresAtMs: undefined };

/** What every store of rows promises. Each test has a group of its own, so that one store serves all. */
export function describeRows(name: string, open: () => RowStore): void {
  describe(`rows: ${name}`, () => {
    let groups = 0;
    const fresh = () => keyOf(["suite", name, String(++groups)], ["row"]);

    it("puts a row once, and gives it as it was put", async () => {
      const [rows, key] = [open(), fresh()];
      expect(await rows.get(key, NOW_MS)).toBeUndefined();
      expect(await rows.putNew(key, "first", FOR_EVER)).toBe(true);
      expect(await rows.putNew(key, "second", FOR_EVER)).toBe(false);
      expect(await rows.get(key, NOW_MS)).toBe("first");
    });

    it("replaces a text only where it is the one before", async () => {
      const [rows, key] = [open(), fresh()];
      expect(await rows.replace(key, "first", "second")).toBe(false);
      await rows.putNew(key, "first", FOR_EVER);
      expect(await rows.replace(key, "other", "second")).toBe(false);
      expect(await rows.replace(key, "first", "second")).toBe(true);
      expect(await rows.get(key, NOW_MS)).toBe("second");
    });

    it("lets one of many replace, put and take", async () => {
      const [rows, key] = [open(), fresh()];
      const many = Array.from({ length: 8 }, (_, at) => at);
      const put = await Promise.all(many.map((at) => rows.putNew(key, `put ${at}`, FOR_EVER)));
      expect(put.filter(Boolean)).toHaveLength(1);
      const before = (await rows.get(key, NOW_MS)) ?? "";
      const replaced = await Promise.all(many.map((at) => rows.replace(key, before, `replaced ${at}`)));
      expect(replaced.filter(Boolean)).toHaveLength(1);
      const taken = await Promise.all(many.map(() => rows.take(key, NOW_MS)));
      expect(taken.filter((text) => text !== undefined)).toHaveLength(1);
      expect(await rows.get(key, NOW_MS)).toBeUndefined();
    });

    it("shows no row whose life is over, and lets another take its place", async () => {
      const [rows, key] = [open(), fresh()];
      await rows.putNew(key, "old", { nowMs: NOW_MS, expiresAtMs: NOW_MS + 5000 });
      expect(await rows.get(key, NOW_MS + 4999)).toBe("old");
      expect(await rows.get(key, NOW_MS + 5000)).toBeUndefined();
      expect(await rows.list(key.group, NOW_MS + 5000, 10)).toEqual([]);
      expect(await rows.putNew(key, "early", { nowMs: NOW_MS + 4999, expiresAtMs: undefined })).toBe(false);
      expect(await rows.putNew(key, "new", { nowMs: NOW_MS + 5000, expiresAtMs: undefined })).toBe(true);
      expect(await rows.take(key, NOW_MS + 99_000)).toBe("new");
    });

    it("takes nothing whose life is over", async () => {
      const [rows, key] = [open(), fresh()];
      await rows.putNew(key, "old", { nowMs: NOW_MS, expiresAtMs: NOW_MS + 5000 });
      expect(await rows.take(key, NOW_MS + 5000)).toBeUndefined();
    });

    it("lists a group by name, and nothing of its neighbours", async () => {
      const [rows, { group }] = [open(), fresh()];
      for (const row of ["b", "a", "c"]) await rows.putNew({ group, name: row }, row.toUpperCase(), FOR_EVER);
      await rows.putNew({ group: `${group}#x`, name: "a" }, "other", FOR_EVER);
      expect(await rows.list(group, NOW_MS, 2)).toEqual([
        { name: "a", text: "A" },
        { name: "b", text: "B" },
      ]);
    });

    it("counts from the first number on, and gives none twice", async () => {
      const [rows, key] = [open(), fresh()];
      const numbers = await Promise.all(Array.from({ length: 20 }, () => rows.next(key, 1_767_225_600_000, FOR_EVER)));
      const expected = numbers.map((_, at) => 1_767_225_600_000 + at);
      expect(numbers.toSorted((left, right) => left - right)).toEqual(expected);
      expect(await rows.next(key, 5, FOR_EVER)).toBe(1_767_225_600_020);
    });
  });
}
