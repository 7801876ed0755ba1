import { describe, expect, it } from "vitest";
import { LineSplitter } from "../../../../agent/signals/log-formats/log-lines.ts";

function linesOf(...chunks: readonly Uint8Array[]): readonly string[] {
  const splitter = new LineSplitter();
  return [...chunks.flatMap((chunk) => splitter.push(chunk)), ...splitter.end()];
}

describe("LineSplitter", () => {
  it("puts lines together over the pieces they come in, and gives the last one without its end", () => {
    const text = Buffer.from("(1.0) can0 1#é\n\nlast");
    expect(linesOf(text.subarray(0, 14), text.subarray(14))).toEqual(["(1.0) can0 1#é", "", "last"]);
  });

  it("leaves a byte order mark away", () => {
    expect(linesOf(Buffer.from("\xef\xbb\xbf(1.0) can0 100#01\n", "latin1"))).toEqual(["(1.0) can0 100#01"]);
  });

  it("gives the beginning of a line that has no end, and the next one as the second", () => {
    const pieces = Array.from({ length: 40 }, () => Buffer.alloc(65_536, 0x41));
    expect(linesOf(...pieces).map(({ length }) => length)).toEqual([1_114_112]);
    const lines = linesOf(...pieces, Buffer.from("A\n(1.0) can0 100#01\nlast"));
    expect(lines.map(({ length }) => length)).toEqual([1_114_112, 17, 4]);
    expect(lines.slice(1)).toEqual(["(1.0) can0 100#01", "last"]);
  });
});
