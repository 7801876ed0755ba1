import { describe, expect, it } from "vitest";
import { encodeMessage } from "../../../../agent/signals/codec/pack.ts";
import { parseDbc } from "../../../../agent/signals/dbc/parse.ts";

const { database } = parseDbc(
  [
    "BO_ 496 ExampleMessage: 8 PCM1",
    ' SG_ Enable : 7|1@0+ (1,0) [0|0] "-" X',
    ' SG_ AverageRadius : 6|6@0+ (0.1,0) [0|5] "m" X',
    ' SG_ Temperature : 0|12@0- (0.01,250) [229.53|270.47] "degK" X',
    "BO_ 2 Mux: 2 X",
    ' SG_ Page M : 0|4@1+ (1,0) [0|0] "" X',
    ' SG_ First m1 : 8|8@1- (1,0) [0|0] "" X',
    ' SG_ Past m2 : 16|8@1- (1,0) [0|0] "" X',
  ].join("\n"),
);
const [example, mux] = database.messages;

describe("encodeMessage", () => {
  // cantools' documentation: ExampleMessage {Temperature: 250.1, AverageRadius: 3.2, Enable: 1} is c0 01 40 00 00 00 00 00.
  it("packs big-endian and signed signals as cantools does", () => {
    const raws = new Map([
      ["Enable", 1],
      ["AverageRadius", 32],
      ["Temperature", 10],
    ]);
    expect(Buffer.from(encodeMessage(example, raws)).toString("hex")).toBe("c001400000000000");
  });

  it("leaves signals without a value at 0 and gives as many bytes as the DBC declares", () => {
    expect(encodeMessage(example, new Map())).toEqual(new Uint8Array(8));
  });

  it.each([
    ["Enable", 2, "signal Enable of message ExampleMessage has the raw value 2, outside 0..1"],
    ["Temperature", -2049, "signal Temperature of message ExampleMessage has the raw value -2049, outside -2048..2047"],
    [
      "Temperature",
      0.5,
      "signal Temperature of message ExampleMessage has the raw value 0.5, which is not a whole number",
    ],
    [
      "Temperature",
      Number.NaN,
      "signal Temperature of message ExampleMessage has the raw value NaN, which is not a whole number",
    ],
    ["Speed", 1, "signal Speed of message ExampleMessage is not in this message"],
  ])("refuses %s = %s", (name, raw, what) => {
    expect(() => encodeMessage(example, new Map([[name, raw]]))).toThrow(what);
  });

  it("refuses a signal of a branch that the multiplexer does not choose, and one past the end", () => {
    expect(() => encodeMessage(mux, new Map([["First", 1]]))).toThrow("is only there while Page is 1, not 0");
    const past = new Map([
      ["Page", 2],
      ["Past", 1],
    ]);
    expect(() => encodeMessage(mux, past)).toThrow("signal Past of message Mux does not fit into 2 bytes");
  });
});
