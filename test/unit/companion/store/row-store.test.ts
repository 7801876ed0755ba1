import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryRows } from "../../../../agent/companion/store/memory-rows.ts";
import { keyOf } from "../../../../agent/companion/store/row-store.ts";
import { describeRows } from "../../../contract/companion-rows.suite.ts";

describeRows("in memory", () => new MemoryRows());

describe("rows in memory", () => {
  it("drop an old one beyond their bound, count it, and keep what lives for ever", async () => {
    const rows = new MemoryRows(3);
    await rows.putNew(keyOf(["set up"], ["a"]), "a", { nowMs: 0, expiresAtMs: undefined });
    for (const name of ["b", "c", "d"]) await rows.putNew(keyOf(["g"], [name]), name, { nowMs: 0, expiresAtMs: 10 });
    expect(rows.dropped).toBe(1);
    expect(await rows.list("g", 0, 10)).toEqual([
      { name: "c", text: "c" },
      { name: "d", text: "d" },
    ]);
    expect(await rows.get(keyOf(["set up"], ["a"]), 0)).toBe("a");
  });
});

describe("keys of rows", () => {
  it("are different for different parts, whatever the parts hold", () => {
    const part = fc.string({ unit: fc.constantFrom("#", "%", "2", "3", "a", "é", "\n"), maxLength: 4 });
    const parts = fc.array(part, { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(parts, parts, (left, right) => {
        const isSame = JSON.stringify(left) === JSON.stringify(right);
        expect(keyOf(left, []).group === keyOf(right, []).group).toBe(isSame);
      }),
      { seed: 15, numRuns: 2000 },
    );
  });
});
