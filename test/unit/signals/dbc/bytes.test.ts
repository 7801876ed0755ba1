import { describe, expect, it } from "vitest";
import { parseDbcBytes } from "../../../../agent/signals/dbc/bytes.ts";
import { isEncoding } from "../../../../config/dbc.ts";

const LINES = (unit: string): string => `BO_ 1 M: 8 X\n SG_ A : 0|8@1+ (1,0) [0|0] "${unit}" X\n`;

function unitOf(bytes: Uint8Array, encoding?: string): string | undefined {
  return parseDbcBytes(bytes, encoding).database.messages.at(0)?.signals.at(0)?.unit;
}

describe("the text of a DBC file", () => {
  it("is UTF-8 when the bytes are, with a byte order mark or without, whatever encoding is set", () => {
    const bytes = Buffer.from(LINES("°C"), "utf8");
    const marked = Buffer.concat([Uint8Array.of(0xef, 0xbb, 0xbf), bytes]);
    for (const given of [bytes, marked]) expect(unitOf(given, "shift_jis")).toBe("°C");
    expect(parseDbcBytes(marked).warnings).toEqual([]);
    // A mark of UTF-8 before text that is not.
    const mixed = Buffer.concat([Uint8Array.of(0xef, 0xbb, 0xbf), Buffer.from(LINES("°C"), "latin1")]);
    expect(unitOf(mixed)).toBe("°C");
  });

  it("is windows-1252 when nothing is set, with a warning at the first such character", () => {
    const bytes = Buffer.from(LINES("°C"), "latin1");
    expect(unitOf(bytes)).toBe("°C");
    expect(parseDbcBytes(bytes).warnings).toEqual([
      {
        line: 2,
        column: 30,
        text: "the text here is not UTF-8; it is read as windows-1252, and units and texts may be wrong: set encoding (such as gb18030 or shift_jis)",
      },
    ]);
  });

  it("is of the encoding that is set, with a warning where it is not", () => {
    const celsius = Buffer.from(LINES("xx"), "latin1");
    celsius.set([0x81, 0x8e], celsius.indexOf("xx"));
    expect(unitOf(celsius, "shift_jis")).toBe("℃");
    expect(parseDbcBytes(celsius, "shift_jis").warnings).toEqual([]);
    const lost = Buffer.from(LINES("\u00ff"), "latin1");
    expect(parseDbcBytes(lost, "shift_jis").warnings.map(({ line, text }) => `${line} ${text}`)).toEqual([
      "2 the text here is no shift_jis: some characters are lost",
    ]);
  });

  it.each([
    ["utf-16le", Buffer.from(`\uFEFF${LINES("V")}`, "utf16le")],
    ["utf-16le", Buffer.from(LINES("V"), "utf16le")],
    ["utf-16be", Buffer.from(`\uFEFF${LINES("V")}`, "utf16le").swap16()],
    ["utf-16be", Buffer.from(LINES("V"), "utf16le").swap16()],
  ])("is refused in %s with one error, and read when that is set", (encoding, bytes) => {
    const { errors, warnings, database } = parseDbcBytes(bytes);
    expect(errors).toEqual([
      {
        line: 1,
        column: 1,
        text: `the file is ${encoding.toUpperCase()}: save it as UTF-8 (iconv -f UTF-16 -t UTF-8 OLD.dbc > NEW.dbc), or set encoding: ${encoding}`,
      },
    ]);
    expect([warnings, database.messages]).toEqual([[], []]);
    expect(unitOf(bytes, encoding)).toBe("V");
  });

  it("is never refused for its length", () => {
    for (const length of [0, 1, 2, 3]) expect(parseDbcBytes(new Uint8Array(length)).database.messages).toEqual([]);
  });

  it("is of an encoding that the platform has", () => {
    expect(["gb2312", "gb18030", "Shift_JIS", "euc-kr", "utf-16le"].every(isEncoding)).toBe(true);
    expect(["", "gb", "utf-7"].some(isEncoding)).toBe(false);
  });
});
