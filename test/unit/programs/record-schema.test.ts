import { describe, expect, it } from "vitest";
import { schemaProblem } from "../../../agent/programs/record-schema.ts";
import type { ProgramRecord } from "../../../agent/telemetry/record/encode/program-record.ts";

const SCHEMA = {
  values: {
    "cabin.temperature": { type: "number", unit: "degC" },
    "window.open": { type: "boolean" },
    note: { type: "text" },
  },
  contentTypes: ["image/jpeg"],
} as const;

function valuesOf(...values: readonly (readonly [name: string, value: number | boolean | string, unit?: string])[]) {
  const record: ProgramRecord = {
    kind: "values",
    program: "hvac",
    timeUs: 1,
    values: values.map(([name, value, unit = ""]) => ({ name, value, unit, timeUs: 1 })),
  };
  return record;
}

function bytesOf(contentType: string): ProgramRecord {
  return { kind: "bytes", program: "hvac", contentType, content: Uint8Array.of(1), timeUs: 1 };
}

describe("the schema of a program", () => {
  it("has values of its names, types and units", () => {
    const record = valuesOf(["cabin.temperature", 21.5, "degC"], ["window.open", false, "any"], ["note", ""]);
    expect(schemaProblem(SCHEMA, record)).toBeUndefined();
    expect(schemaProblem(SCHEMA, bytesOf("image/jpeg"))).toBeUndefined();
  });

  it.each([
    [valuesOf(["window.open", true], ["door.open", true]), "the value door.open is not in its values"],
    [valuesOf(["toString", 1]), "the value toString is not in its values"],
    [valuesOf(["window.open", 1]), "the value window.open must be boolean"],
    [valuesOf(["note", 1]), "the value note must be text"],
    [valuesOf(["cabin.temperature", 21.5]), "the value cabin.temperature must have the unit degC"],
    [bytesOf("text/plain"), "bytes of text/plain are not in its contentTypes"],
  ])("does not have %j", (record, problem) => {
    expect(schemaProblem(SCHEMA, record)).toBe(problem);
  });

  it("is open where nothing is listed, and shut where nothing is in the list", () => {
    expect(schemaProblem({}, valuesOf(["any", 1]))).toBeUndefined();
    expect(schemaProblem({}, bytesOf("any/thing"))).toBeUndefined();
    expect(schemaProblem({ values: {} }, valuesOf(["any", 1]))).toBe("the value any is not in its values");
    expect(schemaProblem({ contentTypes: [] }, bytesOf("a/b"))).toBe("bytes of a/b are not in its contentTypes");
  });
});
