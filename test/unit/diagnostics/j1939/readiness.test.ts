import { describe, expect, it } from "vitest";
import { parseReadiness, type Readiness } from "../../../../agent/diagnostics/j1939/readiness.ts";

const parse = (...bytes: readonly number[]): Readiness => {
  const readiness = parseReadiness(Uint8Array.from(bytes));
  if (readiness === undefined) throw new Error("too short");
  return readiness;
};
const named = (readiness: Readiness, is: "supported" | "complete"): readonly string[] =>
  readiness.monitors.filter((monitor) => monitor[is]).map(({ name }) => name);

// Bits as CompositeSystem of j1939-84 (ETI) has them.
describe("diagnostic readiness (DM5)", () => {
  it("tells counts and the rules that are obeyed", () => {
    expect(parse(0x03, 0x02, 0x14, 0, 0, 0, 0, 0)).toMatchObject({
      activeCodes: 3,
      previousCodes: 2,
      obdCompliance: 20,
      compliance: "HD OBD",
    });
    expect(parse(0xff, 0xfe, 24, 0, 0, 0, 0, 0)).toMatchObject({
      activeCodes: undefined,
      previousCodes: undefined,
      compliance: "reserved",
    });
  });

  it("has each monitor at its bit", () => {
    expect(named(parse(0, 0, 19, 0x07, 0, 0, 0, 0), "supported")).toEqual([
      "misfire",
      "fuel system",
      "comprehensive component",
    ]);
    expect(named(parse(0, 0, 19, 0, 0x80, 0x04, 0, 0), "supported")).toEqual([
      "EGR or VVT system",
      "diesel particulate filter",
    ]);
    expect(named(parse(0, 0, 19, 0x60, 0, 0, 0xfe, 0x0f), "complete")).toEqual([
      "misfire",
      "catalyst",
      "NMHC converting catalyst",
    ]);
  });

  it("supports nothing where there is no on-board diagnosis, whatever the bits say", () => {
    expect(named(parse(0xff, 0xff, 0x05, 0xff, 0xff, 0xff, 0xff, 0xff), "supported")).toEqual([]);
    expect(named(parse(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), "supported")).toEqual([]);
  });

  it("is not in less than eight bytes", () => {
    expect(parseReadiness(new Uint8Array(7))).toBeUndefined();
  });
});
