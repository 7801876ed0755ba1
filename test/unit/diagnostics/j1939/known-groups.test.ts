import { describe, expect, it } from "vitest";
import { GROUP_NAMES, type GroupContent, readGroup } from "../../../../agent/diagnostics/j1939/known-groups.ts";

const read = (name: string, hex: string): GroupContent | undefined =>
  readGroup(GROUP_NAMES.get(name) ?? 0, Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex")));
const text = (characters: string): string => Buffer.from(characters, "latin1").toString("hex");

describe("groups that are known by a name", () => {
  it("are read as what they are", () => {
    for (const name of ["dm1", "dm2", "dm6", "dm12", "dm23", "dm28"]) {
      expect(read(name, "04 FF 64 00 01 05 FF FF")).toMatchObject({
        kind: "codes",
        codes: [{ code: "SPN 100 FMI 1" }],
      });
    }
    expect(read("dm4", "0C 64 00 01 05 03 32 E0 2E 50 82 00 55")).toMatchObject({
      kind: "codes",
      lamps: undefined,
      codes: [{ code: "SPN 100 FMI 1" }],
    });
    expect(read("dm5", "01 02 14 37 E0 1E E0 1E")).toMatchObject({ kind: "readiness", readiness: { activeCodes: 1 } });
    expect(read("dm19", `51BAFEBD${text("ANT5ASR1        ")}`)).toEqual({
      kind: "calibrations",
      calibrations: [{ id: "ANT5ASR1", verification: "BDFEBA51" }],
    });
    expect(read("vin", text("3HAMKSTN0FL575012*"))).toEqual({ kind: "fields", fields: { vin: "3HAMKSTN0FL575012" } });
    expect(read("component", text("A*B*C*D*"))).toMatchObject({ fields: { make: "A", unitNumber: "D" } });
    expect(read("software", `02${text("one*two*")}`)).toEqual({ kind: "fields", fields: { software: "one, two" } });
    expect(read("claim", "10 F7 45 01 00 45 00 01")).toEqual({ kind: "claim", name: 0x0100_4500_0145_f710n });
  });

  it("are nothing where they are too short, or are no known ones", () => {
    for (const name of ["dm1", "dm5", "claim"]) expect(read(name, "00 00 00")).toBeUndefined();
    expect(readGroup(61_444, new Uint8Array(8))).toBeUndefined();
  });
});
