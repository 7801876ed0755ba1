import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { documentText, parseCanonical } from "../../../agent/core/canonical-document.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("documentText", () => {
  it("sorts keys by UTF-16 code units (RFC 8785, 3.2.3, the example)", () => {
    const value = {
      "\u20ac": "Euro Sign",
      "\r": "Carriage Return",
      "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face",
      "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis",
    };
    expect(documentText(value)).toBe(
      '{"\\r":"Carriage Return","1":"One","\u0080":"Control","\u00f6":"Latin Small Letter O With Diaeresis","\u20ac":"Euro Sign","\ud83d\ude00":"Emoji: Grinning Face","\ufb33":"Hebrew Letter Dalet With Dagesh"}',
    );
  });

  it("writes text as RFC 8785, 3.2.2, the example, has it", () => {
    expect(documentText({ string: "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"/" })).toBe(
      '{"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    );
  });

  it.each([
    ["a fraction", 1.5],
    ["a number beyond 2^53", 2 ** 53],
    ["minus zero", -0],
    ["null", null],
    ["undefined", { a: undefined }],
    ["half a surrogate pair", "\ud83d"],
    ["NaN", [Number.NaN]],
  ])("has no text for %s", (_name, value) => {
    expect(documentText(value)).toBeUndefined();
  });
});

describe("parseCanonical", () => {
  it.each([
    ["white space", '{"a": 1}'],
    ["a line end", '{"a":1}\n'],
    ["other key order", '{"b":1,"a":2}'],
    ["a key twice", '{"a":1,"a":1}'],
    ["an escape that is not needed", '{"a":"\\u0041"}'],
    ["an exponent", '{"a":1e2}'],
    ["a byte order mark", '\ufeff{"a":1}'],
    ["nothing", ""],
  ])("refuses %s", (_name, text) => {
    expect(parseCanonical(bytesOf(text))).toBeUndefined();
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(parseCanonical(Uint8Array.of(0x22, 0xc3, 0x28, 0x22))).toBeUndefined();
  });

  it("gives back every value that has a canonical text, and takes no other text for it", () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        fc.maxSafeInteger().filter((number) => !Object.is(number, -0)),
        fc.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
        fc.boolean(),
        fc.array(tie("any"), { maxLength: 4 }),
        fc.dictionary(fc.string({ maxLength: 4 }), tie("any"), { maxKeys: 4 }),
      ),
    })).any;
    fc.assert(
      fc.property(value, (given) => {
        const text = documentText(given);
        expect(text).toBeDefined();
        expect(parseCanonical(bytesOf(text ?? ""))).toEqual(given);
        expect(parseCanonical(bytesOf(` ${text}`))).toBeUndefined();
      }),
      { seed: 1, numRuns: 200 },
    );
  });
});
