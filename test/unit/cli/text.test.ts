import fc from "fast-check";
import pico from "picocolors";
import { describe, expect, it } from "vitest";
import { cutLine, tableLines, visibleWidth, wrapLines } from "../../../agent/cli/text.ts";

const COLORS = pico.createColors(true);
const words = fc.array(fc.stringMatching(/^[!-~]{1,30}$/), { minLength: 1, maxLength: 30 });

describe("wrapLines", () => {
  it("breaks a line between words, later rows behind the indent", () => {
    expect(wrapLines("link       offline for 12 s, 2 connects, mqtt.example.com:8883", 40, 11)).toEqual([
      "link       offline for 12 s, 2 connects,",
      "           mqtt.example.com:8883",
    ]);
    expect(wrapLines("fits", 80, 4)).toEqual(["fits"]);
    expect(wrapLines("", 80, 4)).toEqual([""]);
  });

  it("never cuts a word that fits a row, loses none, and stays within the columns", () => {
    fc.assert(
      fc.property(
        words,
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 0, max: 30 }),
        (given, columns, indent) => {
          const rows = wrapLines(given.join(" "), columns, indent);
          expect(rows.filter((row) => row.length > columns)).toEqual([]);
          expect(rows.join("").replaceAll(" ", "")).toBe(given.join(""));
          const most = columns - Math.min(indent, Math.floor(columns / 3));
          const found = new Set(rows.flatMap((row) => row.trim().split(" ")));
          expect(given.filter((word) => word.length <= most && !found.has(word))).toEqual([]);
        },
      ),
    );
  });

  it("cuts a word that alone is wider than a row", () => {
    const rows = ["at", "   /run/c", "   ausewa", "   y/view", "   .sock"];
    expect(wrapLines("at /run/causeway/view.sock", 9, 3)).toEqual(rows);
  });

  it("keeps the space in which columns stand, and gives a narrow terminal less of it", () => {
    expect(wrapLines("pass  clock        kept by chrony", 80, 19)).toEqual(["pass  clock        kept by chrony"]);
    expect(wrapLines(`${" ".repeat(19)}remedy: call`, 21, 21)).toEqual([`${" ".repeat(7)}remedy: call`]);
  });

  it("counts no colour, and carries it on from row to row", () => {
    const rows = wrapLines(`           ${COLORS.red("the broker refuses telemetry")} again`, 24, 11);
    expect(rows).toEqual([
      "        \u001b[31mthe broker\u001b[0m",
      "        \u001b[31mrefuses\u001b[0m",
      "        \u001b[31mtelemetry\u001b[39m again",
    ]);
    expect(rows.map(visibleWidth)).toEqual([18, 15, 23]);
  });

  it("counts characters of East Asian scripts as two columns", () => {
    expect(visibleWidth("車両 1")).toBe(6);
    expect(wrapLines("車両車両", 4, 0)).toEqual(["車両", "車両"]);
  });
});

describe("tableLines", () => {
  const rows = [
    ["  stream", "waiting", "bytes"],
    ["  telemetry", "12", "48.0 kB"],
    ["  event", "0", "0 B"],
  ];

  it("is a table where it fits, and where nobody looks at a terminal", () => {
    const table = ["  stream     waiting  bytes", "  telemetry  12       48.0 kB", "  event      0        0 B"];
    expect(tableLines(rows, 29)).toEqual(table);
    expect(tableLines(rows, undefined)).toEqual(table);
  });

  it("is a sentence a row where the table does not fit", () => {
    expect(tableLines(rows, 28)).toEqual([
      "  telemetry: waiting 12,",
      "    bytes 48.0 kB",
      "  event: waiting 0, bytes 0",
      "    B",
    ]);
  });
});

describe("cutLine", () => {
  it("keeps what fits, and never takes more columns than there are", () => {
    for (const text of [
      "Speed of the vehicle",
      "车速车速车速",
      "𠀀𠀁𠀂 rare",
      COLORS.red("red, and long"),
      "e\u0301e\u0301e\u0301",
    ]) {
      for (let columns = 0; columns < 24; columns++) {
        const cut = cutLine(text, columns);
        expect(visibleWidth(cut)).toBeLessThanOrEqual(columns);
        expect(cut === text || columns === 0 || cut.includes("…")).toBe(true);
      }
    }
    expect([cutLine("12345", 5), cutLine("123456", 5), cutLine("e\u0301e\u0301", 2)]).toEqual([
      "12345",
      "1234…",
      "e\u0301e\u0301",
    ]);
  });

  it("ends colour where it cuts", () => {
    expect(cutLine(COLORS.red("red, and long"), 4)).toBe("\u001b[31mred…\u001b[0m");
  });
});
