import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { jsonOffset, syntaxOffset } from "../../../../agent/signals/vss/json-places.ts";

/** Every path in a value. */
function pathsIn(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (typeof value !== "object" || value === null) return [path];
  const below = Array.isArray(value)
    ? value.flatMap((item: unknown, index) => pathsIn(item, [...path, index]))
    : Object.entries(value).flatMap(([key, item]) => pathsIn(item, [...path, key]));
  return [path, ...below];
}

function at(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((inner, key) => Reflect.get(Object(inner), key), value);
}

describe("jsonOffset", () => {
  it("finds every key and item of any text", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(undefined, 1, "\t"), (value, space) => {
        const text = JSON.stringify(value, undefined, space);
        const parsed: unknown = JSON.parse(text);
        for (const path of pathsIn(parsed)) {
          const rest = text.slice(jsonOffset(text, path));
          const key = path.at(-1);
          const start =
            typeof key === "string" ? JSON.stringify(key) : JSON.stringify(at(parsed, path), undefined, space)[0];
          expect(rest.startsWith(start)).toBe(true);
        }
      }),
      { seed: 14 },
    );
  });

  it("gives the nearest above for what is not there", () => {
    const text = '{"a": {"b": [1, 2]}}';
    expect(jsonOffset(text, ["a", "b", 7])).toBe(text.indexOf('"b"'));
    expect(jsonOffset(text, ["a", "c", "d"])).toBe(text.indexOf('"a"'));
    expect(jsonOffset(text, ["a", "b", 1])).toBe(text.indexOf("2"));
    expect(jsonOffset('{"a": 1, "a": 2}', ["a"])).toBe(9);
  });
});

describe("syntaxOffset", () => {
  it.each([
    ['{"a": 1,}', 8],
    ['{"a": x}', 6],
    ['{"a": "b', 6],
    ['{"a": 1', 7],
    ["[1 2]", 3],
    ['{"a": 1} b', 9],
    ["[1,]", 3],
    ["[}", 1],
    ['{"a" 1}', 5],
    ["01", 1],
    ["", 0],
  ])("is where %s goes wrong", (text, offset) => {
    expect(syntaxOffset(text)).toBe(offset);
  });

  it("is the end for exactly what JSON.parse takes, or what it would take with more behind it", () => {
    const text = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value, undefined, 1)),
      fc.string({
        unit: fc.constantFrom("[", "]", "{", "}", ",", ":", '"', "a", "1", "0", ".", "-", " ", "true"),
        maxLength: 12,
      }),
    );
    fc.assert(
      fc.property(text, (one) => {
        let isJson = true;
        try {
          JSON.parse(one);
        } catch {
          isJson = false;
        }
        if (isJson) expect(syntaxOffset(one)).toBe(one.length);
      }),
      { seed: 14, numRuns: 5000 },
    );
  });
});
