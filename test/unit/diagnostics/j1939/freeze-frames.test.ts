import { describe, expect, it } from "vitest";
import { parseFreezeFrames } from "../../../../agent/diagnostics/j1939/freeze-frames.ts";

const parse = (hex: string) => parseFreezeFrames(Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex")));

describe("freeze frames (DM4)", () => {
  // Scaling worked by hand from J1939-71: 0x2ee0 / 8 = 1500 rpm, 0x5500 / 256 = 85 km/h, 2 kPa a bit, -40 degC.
  it("reads a frame with its six parameters and what the maker adds", () => {
    expect(parse("0E 64 00 01 05 03 32 E0 2E 50 82 00 55 AB CD")).toEqual({
      isWhole: true,
      frames: [
        {
          code: "SPN 100 FMI 1",
          raw: 0x0501_0064,
          text: "below normal range, most severe",
          occurrences: 5,
          freeze: [
            { name: "engine_torque_mode", value: 3 },
            { name: "boost_pressure", value: 100, unit: "kPa" },
            { name: "engine_speed", value: 1500, unit: "rpm" },
            { name: "engine_load", value: 80, unit: "%" },
            { name: "coolant_temperature", value: 90, unit: "degC" },
            { name: "vehicle_speed", value: 85, unit: "km/h" },
            { name: "manufacturer_bytes", value: "abcd" },
          ],
        },
      ],
    });
  });

  it("leaves out what is not available or in error", () => {
    expect(parse("0C 64 00 01 05 0F FF FF FF FE 28 00 FE").frames[0].freeze).toEqual([
      { name: "coolant_temperature", value: 0, unit: "degC" },
    ]);
  });

  it("reads several frames, and none", () => {
    const one = "0C 64 00 01 05 0F FF FF FF FF FF FF FF";
    expect(parse(`${one} ${one.replace("64", "65")}`).frames.map(({ code }) => code)).toEqual([
      "SPN 100 FMI 1",
      "SPN 101 FMI 1",
    ]);
    expect(parse("00 00 00 00 00 FF FF FF")).toEqual({ frames: [], isWhole: true });
    expect(parse(`${one} FF FF`)).toMatchObject({ isWhole: true });
  });

  it("says so where the message ends inside a frame, or a length has no room for it", () => {
    expect(parse("0E 64 00 01 05 03 32 E0 2E 50 82 00 55 AB")).toEqual({ frames: [], isWhole: false });
    expect(parse("04 64 00 01 05")).toEqual({ frames: [], isWhole: false });
  });
});
