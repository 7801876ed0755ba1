import { describe, expect, it } from "vitest";
import { conversionOf, unitNameIn } from "../../../../agent/signals/vss/units.ts";

describe("conversionOf", () => {
  // Values of pint 0.19 (python3-pint), which has definitions of its own.
  it.each([
    ["mph", "km/h", 100, 160.9344],
    ["m/s", "km/h", 27.5, 99],
    ["degF", "Celsius", 212, 100],
    ["degF", "celsius", -40, -40],
    ["degC", "Fahrenheit", 37, 98.6],
    ["K", "celsius", 293.15, 20],
    ["bar", "kPa", 2.5, 250],
    ["psi", "kPa", 32, 220.63223338],
    ["hPa", "mbar", 1013, 1013],
    ["1/min", "rpm", 3000, 3000],
    ["rad/s", "rpm", 100, 954.92965855],
    ["hp", "kW", 100, 74.56998716],
    ["PS", "kW", 100, 73.549875],
    ["gal", "l", 10, 37.85411784],
    ["lb-ft", "Nm", 100, 135.58179483],
    ["%", "ratio", 50, 0.5],
    ["°", "degrees", 12, 12],
    ["rad", "degrees", 1, 57.29577951],
    ["hours", "min", 2, 120],
    ["mpg-us", "km/l", 30, 12.75431121],
    // The same letter means two things: what VSS measures decides.
    ["g", "m/s^2", 1, 9.80665],
    ["g", "kg", 500, 0.5],
    ["lb", "kg", 10, 4.5359237],
    ["Unit_MeterPerSeconSquar", "m/s^2", 2, 2],
  ])("takes values in %s to %s", (from, to, value, expected) => {
    const conversion = conversionOf(from, to);
    if (conversion.kind !== "linear") throw new Error(conversion.kind);
    expect(value * conversion.factor + conversion.offset).toBeCloseTo(expected, 7);
  });

  it("gives the definition, without the last digits of a quotient", () => {
    expect(conversionOf("mph", "km/h")).toEqual({ kind: "linear", factor: 1.609344, offset: 0 });
    expect(conversionOf("degC", "Celsius")).toEqual({ kind: "linear", factor: 1, offset: 0 });
    expect(conversionOf("degC", "Fahrenheit")).toEqual({ kind: "linear", factor: 1.8, offset: 32 });
  });

  it("tells units that measure two things, and those that are not known", () => {
    expect(conversionOf("V", "percent")).toEqual({ kind: "unlike", from: "voltage", to: "ratio" });
    expect(conversionOf("l/100km", "km/l")).toMatchObject({ kind: "unlike" });
    expect(conversionOf("months", "day")).toMatchObject({ kind: "unlike" });
    expect(conversionOf("furlong", "km")).toEqual({ kind: "unknown", unit: "furlong" });
    expect(conversionOf("km", "cubit")).toEqual({ kind: "unknown", unit: "cubit" });
    expect(conversionOf("cubit", "cubit")).toEqual({ kind: "linear", factor: 1, offset: 0 });
    // Upper and lower case differ: a milliwatt is no megawatt, and an ms no MS.
    expect(conversionOf("MS", "s")).toMatchObject({ kind: "unknown" });
    expect(conversionOf("hP", "kW")).toMatchObject({ kind: "unknown" });
  });

  it("takes a value without a unit as it is", () => {
    for (const none of ["", " ", "-", "unitless", "1"]) {
      expect(conversionOf(none, "km/h")).toEqual({ kind: "unitless" });
    }
    expect(conversionOf("km/h", "")).toEqual({ kind: "unitless" });
    expect(conversionOf("1", "ratio")).toEqual({ kind: "linear", factor: 1, offset: 0 });
    expect(conversionOf("1", "percent")).toEqual({ kind: "unitless" });
  });
});

describe("unitNameIn", () => {
  it.each([
    ["4.2", "degC", "celsius"],
    ["5.0", "Celsius", "celsius"],
    ["6.0", "celsius", "Celsius"],
    ["10.1", "°C", "Celsius"],
    ["6.0", "kph", "km/h"],
    ["6.0", "furlong", undefined],
    ["6.0", "", undefined],
  ])("of release %s, for %s, is %s", (release, written, name) => {
    expect(unitNameIn(release, written)).toBe(name);
  });
});
