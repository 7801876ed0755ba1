import { describe, expect, it } from "vitest";
import {
  parseCalibrations,
  parseComponent,
  parseSoftware,
  parseVin,
} from "../../../../agent/diagnostics/j1939/identification.ts";

const text = (characters: string): Uint8Array => Uint8Array.from(Buffer.from(characters, "latin1"));

describe("what a node says it is", () => {
  it("has calibrations with their verification numbers (DM19CalibrationInformationPacketTest of j1939-84)", () => {
    const hex =
      "51BAFEBD 414E5435415352312020000000000000 96BFDC40 504254354D5052330000000000000000 4091B93E 52505242424131300000000000000000";
    expect(parseCalibrations(Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex")))).toEqual([
      { id: "ANT5ASR1", verification: "BDFEBA51" },
      { id: "PBT5MPR3", verification: "40DCBF96" },
      { id: "RPRBBA10", verification: "3EB99140" },
    ]);
    expect(parseCalibrations(new Uint8Array(19))).toEqual([]);
  });

  it("has a VIN up to the star (VehicleIdentificationPacketTest of j1939-84)", () => {
    expect(parseVin(text("3HAMKSTN0FL575012*"))).toBe("3HAMKSTN0FL575012");
    expect(parseVin(text("3HAMKSTN0FL575012"))).toBe("3HAMKSTN0FL575012");
    expect(parseVin(text("Lorem ipsum*dolor sit amet"))).toBe("Lorem ipsum");
    expect(parseVin(text("*"))).toBe("");
  });

  it("has a make, model, serial and unit number (ComponentIdentificationPacketTest of j1939-84)", () => {
    expect(parseComponent(text("Solid Design**000001**"))).toEqual({
      make: "Solid Design",
      model: "",
      serialNumber: "000001",
      unitNumber: "",
    });
    expect(parseComponent(text(""))).toEqual({ make: "", model: "", serialNumber: "", unitNumber: "" });
  });

  it("has names of its software, without what cannot be printed", () => {
    expect(parseSoftware(text("\u00022.1*boot 7\u0001*"))).toEqual(["2.1", "boot 7"]);
    expect(parseSoftware(text("\u0001only"))).toEqual(["only"]);
    expect(parseSoftware(text(""))).toEqual([]);
  });
});
