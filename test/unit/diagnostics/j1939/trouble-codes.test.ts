import { describe, expect, it } from "vitest";
import { failureModeText } from "../../../../agent/diagnostics/j1939/failure-modes.ts";
import { type CodeMessage, parseCodeMessage } from "../../../../agent/diagnostics/j1939/trouble-codes.ts";

const parse = (hex: string): CodeMessage => {
  const message = parseCodeMessage(Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex")));
  if (message === undefined) throw new Error(hex);
  return message;
};
const names = (hex: string): readonly string[] => parse(hex).codes.map(({ code }) => code);

describe("codes of diagnostic messages", () => {
  it("reads a code and its count (diagnostics.md, 10)", () => {
    expect(parse("04 FF 64 00 01 05 FF FF")).toEqual({
      lamps: { malfunction: "off", stop: "off", warning: "on", protect: "off" },
      codes: [{ code: "SPN 100 FMI 1", raw: 0x0501_0064, text: "below normal range, most severe", occurrences: 5 }],
    });
    expect(parse("00 00 B8 04 03 0A FF FF").codes[0]).toMatchObject({ code: "SPN 1208 FMI 3", occurrences: 10 });
    expect(parse("00 00 08 F0 FF 7E FF FF").codes[0]).toMatchObject({ code: "SPN 520200 FMI 31", occurrences: 126 });
  });

  it("reads several, as they come in several frames (DM1ActiveDTCsPacketTest of j1939-84)", () => {
    const message = parse("11 CD 61 02 13 00 21 06 1F 00 EE 10 04 00");
    expect(message.codes.map(({ code }) => code)).toEqual(["SPN 609 FMI 19", "SPN 1569 FMI 31", "SPN 4334 FMI 4"]);
    expect(message.lamps).toEqual({ malfunction: "off", stop: "slow-flash", warning: "off", protect: "fast-flash" });
  });

  // DiagnosticTroubleCodePacketTest of j1939-84.
  it.each([
    ["04 0C", { warning: "on" }],
    ["04 00", { warning: "slow-flash" }],
    ["40 40", { malfunction: "fast-flash" }],
    ["40 C0", { malfunction: "on" }],
    ["00 C0", { malfunction: "off" }],
    ["10 10", { stop: "fast-flash" }],
    ["01 03", { protect: "on" }],
    ["54 4F", { malfunction: "fast-flash", stop: "slow-flash", warning: "on", protect: "off" }],
    ["FF FF", { malfunction: undefined, stop: undefined, warning: undefined, protect: undefined }],
    ["AA FF", { malfunction: undefined, stop: undefined, warning: undefined, protect: undefined }],
  ])("reads the lamps %s", (lamps, expected) => {
    expect(parse(`${lamps} 00 00 00 00`).lamps).toMatchObject(expected);
  });

  it.each(["00 00 00 00 00 00 FF FF", "00 00 00 00 00 00", "FF FF FF FF FF FF", "FF FF FF FF FF FF FF FF"])(
    "takes %s for no code",
    (hex) => {
      expect(names(hex)).toEqual([]);
    },
  );

  it("does not take apart what has an older layout, nor counts what is not counted", () => {
    expect(parse("00 FF 64 00 01 85 FF FF").codes).toEqual([{ code: "CM1 640001", raw: 0x8501_0064, occurrences: 5 }]);
    expect(parse("00 FF 64 00 01 7F FF FF").codes[0].occurrences).toBeUndefined();
  });

  it("needs lamps and one code", () => {
    expect(parseCodeMessage(new Uint8Array(5))).toBeUndefined();
    expect(names("00 FF 61 02 13 00")).toEqual(["SPN 609 FMI 19"]);
    expect(names("00 FF 61 02 13 00 21 06 1F")).toEqual(["SPN 609 FMI 19"]);
  });

  it("names the failure modes", () => {
    expect([3, 21, 22, 30, 31].map(failureModeText)).toEqual([
      "voltage above normal, or shorted to high source",
      "drifted low",
      "reserved",
      "reserved",
      "condition exists",
    ]);
  });
});
