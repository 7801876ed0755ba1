import { describe, expect, it } from "vitest";
import { dtcOf2Bytes, dtcOf3Bytes, rawSpn, spnFmi } from "../../../../agent/diagnostics/codes/trouble-code.ts";

describe("dtcOf2Bytes", () => {
  it.each([
    // python-OBD c031f08, tests/test_decoders.py: test_single_dtc and test_dtc.
    [0x0104, "P0104"],
    [0x4123, "C0123"],
    [0x8003, "B0003"],
    // FleetWise's successor cloud: 0x5234 is C1234.
    [0x5234, "C1234"],
    [0x0133, "P0133"],
    [0xc100, "U0100"],
    [0xffff, "U3FFF"],
  ])("writes %i as workshops do", (raw, code) => {
    expect(dtcOf2Bytes(raw)).toBe(code);
  });

  it("names each of the 65536 codes once", () => {
    const names = new Set(Array.from({ length: 0x1_0000 }, (_, raw) => dtcOf2Bytes(raw)));
    expect(names.size).toBe(0x1_0000);
    expect([...names].filter((name) => !/^[PCBU][0-3][0-9A-F]{3}$/.test(name))).toEqual([]);
  });
});

describe("dtcOf3Bytes", () => {
  it.each([
    [0x01331f, "P0133-1F"],
    [0xc10000, "U0100-00"],
    [0xffffff, "U3FFF-FF"],
  ])("adds the failure type byte to %i", (raw, code) => {
    expect(dtcOf3Bytes(raw)).toBe(code);
  });
});

describe("a code of J1939", () => {
  it("has the numbers of parameter and failure mode", () => {
    expect(spnFmi({ spn: 520_200, fmi: 31 })).toBe("SPN 520200 FMI 31");
  });

  it("of an old layout is named by its bytes, whatever its count", () => {
    expect(rawSpn(0x8501_0064)).toBe("CM1 640001");
    expect(rawSpn(0xff01_0064)).toBe("CM1 640001");
  });
});
