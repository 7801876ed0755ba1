import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseProgramLine } from "../../../agent/programs/program-line.ts";

const SEED = 1835;
const NOW_US = 1_790_000_000_000_000;

function recordOf(line: string) {
  const read = parseProgramLine(line);
  return read.kind === "record" ? read.recordOf("door-watch", NOW_US) : read;
}

function timeOf(time: unknown) {
  const record = recordOf(JSON.stringify({ values: [{ name: "a", value: 1, time }] }));
  return record.kind === "values" ? record.values[0]?.timeUs : record;
}

describe("parseProgramLine", () => {
  it("reads values, with the time of the agent and no unit where they say none", () => {
    const line =
      '{"stream":"event","values":[{"name":"door.open","value":true},{"name":"t","value":-1.5,"unit":"degC"}]}';
    expect(parseProgramLine(line)).toMatchObject({ kind: "record", stream: "event" });
    expect(recordOf(line)).toEqual({
      kind: "values",
      program: "door-watch",
      values: [
        { name: "door.open", value: true, unit: "", timeUs: NOW_US },
        { name: "t", value: -1.5, unit: "degC", timeUs: NOW_US },
      ],
      timeUs: NOW_US,
    });
  });

  it("reads bytes, as telemetry where no stream is said", () => {
    const line = '{"contentType":"image/png","bytes":"AQL/"}';
    expect(parseProgramLine(line)).toMatchObject({ stream: "telemetry" });
    const content = Buffer.from([1, 2, 255]);
    const about = { program: "door-watch", contentType: "image/png", timeUs: NOW_US };
    expect(recordOf(line)).toEqual({ kind: "bytes", content, ...about });
  });

  it("reads times with fractions and zones as arithmetic on days gives them", () => {
    const part = (min: number, max: number) => fc.integer({ min, max });
    const moment = fc.tuple(
      part(1970, 2100),
      part(1, 12),
      part(1, 28),
      part(0, 86_399),
      part(0, 999_999),
      part(-840, 840),
    );
    const property = fc.property(moment, ([year, month, day, second, microsecond, zoneMinutes]) => {
      const two = (value: number): string => String(value).padStart(2, "0");
      const clock = `${two(Math.floor(second / 3600))}:${two(Math.floor(second / 60) % 60)}:${two(second % 60)}`;
      const ahead = Math.abs(zoneMinutes);
      const zone = `${zoneMinutes < 0 ? "-" : "+"}${two(Math.floor(ahead / 60))}:${two(ahead % 60)}`;
      const text = `${year}-${two(month)}-${two(day)}T${clock}.${String(microsecond).padStart(6, "0")}${zone}`;
      // Days since 1970, counted one by one.
      let days = day - 1;
      for (let past = 1970; past < year; past++) days += isLeap(past) ? 366 : 365;
      for (let past = 1; past < month; past++) days += daysOf(past, year);
      const seconds = days * 86_400 + second - zoneMinutes * 60;
      expect(timeOf(text)).toBe(seconds * 1_000_000 + microsecond);
    });
    fc.assert(property, { seed: SEED });
    expect(timeOf("2026-05-01T12:00:00.123456789Z")).toBe(Date.UTC(2026, 4, 1, 12) * 1000 + 123_456);
  });

  it("takes no number of seconds or ms for µs, and no day that does not exist", () => {
    expect(timeOf(1_790_000_000)).toMatchObject({ kind: "malformed" });
    expect(timeOf(1_790_000_000_000)).toMatchObject({ kind: "malformed" });
    expect(timeOf(NOW_US)).toBe(NOW_US);
    expect(timeOf("2026-02-30T00:00:00Z")).toMatchObject({ kind: "malformed" });
    expect(timeOf("2026-02-03T00:00:00")).toMatchObject({ kind: "malformed" });
  });

  it.each([
    ["no JSON", "door=1"],
    ["no object", "[1]"],
    ["null", "null"],
    ["no values", '{"values":[]}'],
    ["an infinite number", '{"values":[{"name":"a","value":1e999}]}'],
    ["a name that is none", '{"values":[{"name":"a b","value":1}]}'],
    ["a stream that is not for programs", '{"stream":"control","values":[{"name":"a","value":1}]}'],
    ["a key that is not known", '{"values":[{"name":"a","value":1}],"seq":4}'],
    ["bytes that are no base64", '{"contentType":"a/b","bytes":"%"}'],
    ["a content type that is none", '{"contentType":"x\\ny","bytes":"AQ=="}'],
    ["a prototype", '{"__proto__":{"values":[]}}'],
    ["brackets without end", "[".repeat(60_000)],
  ])("says what is wrong with %s", (_, line) => {
    const read = parseProgramLine(line);
    expect(read.kind).toBe("malformed");
    if (read.kind === "malformed") expect(read.what.length).toBeLessThanOrEqual(300);
  });

  it("throws for no line", () => {
    const line = fc.oneof(
      fc.json(),
      fc.string(),
      fc.json().map((json) => `{"values":${json}}`),
    );
    fc.assert(
      fc.property(line, (text) => void parseProgramLine(text)),
      { seed: SEED, numRuns: 500 },
    );
  });

  it("reads a name with the commands that it answers, and what became of a command", () => {
    expect(parseProgramLine('{"program":"hvac"}')).toEqual({ kind: "name", program: "hvac", answers: [] });
    expect(parseProgramLine('{"program":"hvac","answers":["precondition"]}')).toMatchObject({
      answers: ["precondition"],
    });
    expect(parseProgramLine('{"answer":{"id":"a","status":"succeeded","results":{"cabin":19.5}}}')).toEqual({
      kind: "answer",
      id: "a",
      answer: { status: "succeeded", reason: "", results: { cabin: 19.5 } },
    });
    expect(parseProgramLine('{"answer":{"id":"a","status":"rejected","reason":"a window is open"}}')).toEqual({
      kind: "answer",
      id: "a",
      answer: { status: "rejected", reason: "a window is open", results: {} },
    });
  });

  const many = Object.fromEntries(Array.from({ length: 17 }, (_, n) => [`r${n}`, n]));
  it.each([
    ['{"program":"hvac","answers":["a b"]}', /^answers\.0: must be a name/],
    [JSON.stringify({ program: "hvac", answers: Array(17).fill("a") }), /^answers: /],
    ['{"answer":{"id":"a"}}', /^answer\.status: /],
    ['{"answer":{"id":"","status":"failed"}}', /^answer\.id: /],
    ['{"answer":{"id":"a","status":"succeeded","reason":"because"}}', /a reason is for what did not succeed/],
    ['{"answer":{"id":"a","status":"rejected","results":{"x":1}}}', /what was rejected has no results/],
    ['{"answer":{"id":"a","status":"failed","results":{"x":null}}}', /^answer\.results\.x: /],
    [JSON.stringify({ answer: { id: "a", status: "failed", results: many } }), /^answer\.results: at most 16/],
    ['{"answer":{"id":"a","status":"failed","more":1}}', /^answer: /],
  ])("says what is wrong with %s", (line, what) => {
    const read = parseProgramLine(line);
    expect(read.kind === "malformed" ? read.what : read).toMatch(what);
  });
});

function isLeap(year: number): boolean {
  return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
}

function daysOf(month: number, year: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}
