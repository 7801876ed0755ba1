import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LineSplitter } from "../../../../drivers/gnss/line-splitter.ts";

const SEED = 17;

/** The same by the whole text at once. */
function linesOf(text: Buffer, maxBytes: number): { readonly lines: readonly string[]; readonly tooLong: number } {
  const whole = text.toString("latin1").split("\n").slice(0, -1);
  const lines = whole.filter((line) => line.length <= maxBytes).map((line) => line.replace(/\r$/, ""));
  const rest = text.toString("latin1").split("\n").at(-1) ?? "";
  return { lines, tooLong: whole.length - lines.length + (rest.length > maxBytes ? 1 : 0) };
}

describe("LineSplitter", () => {
  it("gives the same lines however the bytes come, and throws long ones away whole", () => {
    const pieces = fc.array(
      fc.oneof(
        fc.uint8Array({ maxLength: 30 }),
        fc.constantFrom("\r\n", "\n", "ab\n", "0123456789\n", "0123456789\r\n").map((text) => Buffer.from(text)),
      ),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(pieces, (chunks) => {
        const lines: string[] = [];
        const splitter = new LineSplitter(10, (line) => lines.push(line));
        for (const chunk of chunks) {
          const bytes = Buffer.from(chunk);
          splitter.feed(bytes);
          // A driver uses its buffer again.
          bytes.fill(0x21);
        }
        expect({ lines, tooLong: splitter.tooLong }).toEqual(linesOf(Buffer.concat(chunks), 10));
      }),
      { seed: SEED, numRuns: 500 },
    );
  });
});
