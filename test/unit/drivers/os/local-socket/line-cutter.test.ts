import fc from "fast-check";
import { expect, it } from "vitest";
import { LineCutter } from "../../../../../drivers/os/local-socket/line-cutter.ts";

const SEED = 1837;

/** What the text has in lines, and then whether a line was too long. */
function cut(chunks: readonly Buffer[], maxBytes: number, most: number): readonly string[] {
  const cutter = new LineCutter(maxBytes);
  const all: string[] = [];
  for (const chunk of chunks) {
    cutter.push(chunk);
    for (;;) {
      const lines = cutter.next(most);
      if (lines === "too-long") return [...all, "too-long"];
      expect(lines.length).toBeLessThanOrEqual(most);
      if (lines.length === 0) break;
      all.push(...lines);
    }
  }
  return all;
}

it("gives the lines of a text however it comes and is taken, up to one that is too long", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "ä", "\n", "\r", "b"), maxLength: 200 });
  const property = fc.property(
    word,
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 5 }),
    (text, step, most) => {
      const bytes = Buffer.from(text);
      const chunks = Array.from({ length: Math.ceil(bytes.length / step) }, (_, n) => {
        return bytes.subarray(n * step, (n + 1) * step);
      });
      const parts = text.split("\n");
      const long = parts.findIndex((part) => Buffer.byteLength(part) > 20);
      const expected = long < 0 ? parts.slice(0, -1) : [...parts.slice(0, long), "too-long"];
      expect(cut(chunks, 20, most)).toEqual(expected);
    },
  );
  fc.assert(property, { seed: SEED });
});
