import { describe, expect, it } from "vitest";
import { type SniffRow, SniffTable } from "../../../../agent/cli/traffic/sniff-table.ts";
import { sniffLines } from "../../../../agent/cli/traffic/sniff-text.ts";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";

function frame(id: number, hex: string, receivedAtUs = 0, flags = 0) {
  return { id, flags, data: Buffer.from(hex, "hex"), receivedAtUs };
}

function changedIn(row: SniffRow | undefined): string {
  return Buffer.from(row?.changed ?? []).toString("hex");
}

const HEX = { bits: false, color: false, withBus: false };

describe("SniffTable", () => {
  it("has one row an id with its newest data, and marks the bits that changed for as long as asked", () => {
    const table = new SniffTable();
    table.add("can0", frame(0x123, "00ff", 0), 0);
    expect(changedIn(table.rows("id", 0, 1000)[0])).toBe("0000");
    table.add("can0", frame(0x123, "01ff", 100_000), 100);
    table.add("can0", frame(0x123, "017f", 200_000), 1000);
    const [row] = table.rows("id", 1050, 1000);
    expect(row).toMatchObject({ id: 0x123, count: 3, perSecond: 10, ageMs: 50 });
    expect(Buffer.from(row?.data ?? []).toString("hex")).toBe("017f");
    expect(changedIn(row)).toBe("0180");
    expect(changedIn(table.rows("id", 1101, 1000)[0])).toBe("0080");
    expect(changedIn(table.rows("id", 5000, Number.POSITIVE_INFINITY)[0])).toBe("0180");
  });

  it("marks no bit that it has learnt to change", () => {
    const table = new SniffTable();
    for (const [at, hex] of ["00", "01", "00"].entries()) table.add("can0", frame(1, hex), at);
    table.learn();
    table.add("can0", frame(1, "81"), 10);
    expect(changedIn(table.rows("id", 10, 1000)[0])).toBe("80");
  });

  it("takes bytes that were not there before for changed, and keeps buses and lengths of ids apart", () => {
    const table = new SniffTable();
    table.add("can0", frame(1, "00"), 0);
    table.add("can0", frame(1, "0000"), 1);
    table.add("can1", frame(1, "00"), 2);
    table.add("can0", frame(1, "00", 0, FRAME_FLAG.extended), 3);
    table.add("can0", frame(4, "00", 0, FRAME_FLAG.error), 4);
    const rows = table.rows("id", 10, 1000);
    expect(rows.map(({ bus, extended }) => `${bus}${extended ? "x" : ""}`)).toEqual(["can0", "can0x", "can1"]);
    expect(changedIn(rows[0])).toBe("00ff");
  });

  it("sorts by what is asked for", () => {
    const table = new SniffTable();
    for (let at = 0; at < 3; at += 1) table.add("can0", frame(2, "00", at * 1000), at);
    for (let at = 0; at < 2; at += 1) table.add("can0", frame(1, at === 0 ? "00" : "ff", at * 100_000), 10 + at);
    const first = (sort: "id" | "count" | "rate" | "age" | "changed"): number | undefined =>
      table.rows(sort, 20, 1000)[0]?.id;
    expect([first("id"), first("count"), first("rate"), first("age"), first("changed")]).toEqual([1, 2, 2, 1, 1]);
  });
});

describe("sniffLines", () => {
  const table = new SniffTable();
  table.add("can0", frame(0x123, "00ff10", 0), 0);
  table.add("can0", frame(0x123, "00fe10", 1_000_000), 1000);
  table.add("can0", frame(0x18fe_f100, "01", 0, FRAME_FLAG.extended), 1000);
  const rows = table.rows("id", 1000, 500);

  it("marks a changed byte with a star, which needs no colour", () => {
    expect(sniffLines(rows, HEX)).toEqual([
      "      ID    COUNT   PER S    AGE  DATA",
      "     123        2     1.0  0.0 s  00 FE*10",
      "18FEF100        1       -  0.0 s  01",
    ]);
  });

  it("marks changed bits in a line below them, or by colour", () => {
    const bits = sniffLines(rows, { ...HEX, bits: true });
    expect(bits[1]).toContain("00000000 11111110 00010000");
    expect(bits[2]?.indexOf("^")).toBe(bits[1]?.lastIndexOf("11111110") + 7);
    const colored = sniffLines(rows, { ...HEX, bits: true, color: true });
    expect(colored).toHaveLength(3);
    expect(colored[1]).toContain("1111111\u001b[1;7m0\u001b[0m");
    expect(sniffLines(rows, { ...HEX, color: true })[1]).toContain("\u001b[1;7mFE\u001b[0m*10");
  });
});
