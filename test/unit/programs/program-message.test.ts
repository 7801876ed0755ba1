import fc from "fast-check";
import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor.js";
import { describe, expect, it } from "vitest";
import { type ProgramLine, parseProgramLine } from "../../../agent/programs/program-line.ts";
import { createMessageReader, encodeToProgram } from "../../../agent/programs/program-message.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";

const SEED = 1853;
const NOW_US = 1_790_000_000_000_000;
const root = protobuf.Root.fromDescriptor(readDescriptor("program"));
const fromProgram = root.lookupType("causeway.program.v1.FromProgram");
const toProgram = root.lookupType("causeway.program.v1.ToProgram");
const read = createMessageReader(readDescriptor("program"));

const encode = (message: object): Uint8Array => fromProgram.encode(fromProgram.fromObject(message)).finish();

/** A line or a message as something that can be compared. */
function shown(line: ProgramLine): unknown {
  if (line.kind !== "record") return line;
  const record = line.recordOf("door-watch", NOW_US);
  return {
    stream: line.stream,
    record: record.kind === "bytes" ? { ...record, content: [...record.content] } : record,
  };
}

describe("createMessageReader", () => {
  const name = fc.stringMatching(/^[A-Za-z0-9_][\w.:/@-]{0,20}$/);
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  const any = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => [number, { number }] as const),
    fc.boolean().map((flag) => [flag, { flag }] as const),
    text.map((one) => [one, { text: one }] as const),
  );

  it("reads values as the same line says them", () => {
    const value = fc.record({
      name,
      any,
      unit: fc.string({ maxLength: 8 }),
      time: fc.option(fc.nat({ max: 2 ** 31 - 1 })),
    });
    const property = fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), fc.boolean(), (values, isEvent) => {
      const timeOf = (time: number) => NOW_US + time;
      const line = {
        stream: isEvent ? "event" : "telemetry",
        values: values.map(({ name, any: [plain], unit, time }) => ({
          name,
          value: plain,
          unit,
          ...(time !== null && { time: timeOf(time) }),
        })),
      };
      const message = {
        values: {
          stream: isEvent ? 1 : 0,
          values: values.map(({ name, any: [, field], unit, time }) => ({
            name,
            ...field,
            unit,
            ...(time !== null && { timeUs: timeOf(time) }),
          })),
        },
      };
      // JSON has no -0.
      const plain = JSON.stringify(line);
      fc.pre(!values.some(({ any: [one] }) => Object.is(one, -0)));
      expect(shown(read(encode(message)))).toEqual(shown(parseProgramLine(plain)));
    });
    fc.assert(property, { seed: SEED, numRuns: 300 });
  });

  it("reads bytes, names and answers as the same lines say them", () => {
    const content = Buffer.from([0, 255, 10]);
    const pairs = [
      [
        { bytes: { contentType: "image/png", content } },
        { contentType: "image/png", bytes: content.toString("base64") },
      ],
      [
        { bytes: { stream: 1, contentType: "x", content } },
        { stream: "event", contentType: "x", bytes: content.toString("base64") },
      ],
      [{ name: { program: "hvac" } }, { program: "hvac" }],
      [{ name: { program: "hvac", answers: ["a", "b"] } }, { program: "hvac", answers: ["a", "b"] }],
      [
        {
          answer: {
            id: "i",
            status: 1,
            results: [
              { name: "a", number: 0 },
              { name: "b", flag: false },
              { name: "c", text: "" },
            ],
          },
        },
        { answer: { id: "i", status: "succeeded", results: { a: 0, b: false, c: "" } } },
      ],
      [{ answer: { id: "i", status: 2, reason: "ice" } }, { answer: { id: "i", status: "failed", reason: "ice" } }],
      [
        { answer: { id: "i", status: 3, results: [{ name: "a", number: 1 }] } },
        { answer: { id: "i", status: "rejected", results: { a: 1 } } },
      ],
    ] as const;
    for (const [message, line] of pairs) {
      expect(shown(read(encode(message)))).toEqual(shown(parseProgramLine(JSON.stringify(line))));
    }
  });

  it.each([
    ["nothing", {}, "the message says nothing"],
    ["a value without one", { values: { values: [{ name: "a" }] } }, "values.0.value: must be a number"],
    [
      "a time in seconds",
      { values: { values: [{ name: "a", number: 1, timeUs: 1_790_000_000 }] } },
      "values.0.time: must be µs",
    ],
    [
      "a number that is none",
      { values: { values: [{ name: "a", number: Number.NaN }] } },
      "values.0.value: must be a number",
    ],
    ["no values", { values: {} }, "values: "],
    ["a stream of a newer protocol", { values: { stream: 7, values: [{ name: "a", number: 1 }] } }, "stream: "],
    ["a status of a newer protocol", { answer: { id: "i", status: 9 } }, "answer.status: "],
    ["no status", { answer: { id: "i" } }, "answer.status: "],
    [
      "a result named twice",
      {
        answer: {
          id: "i",
          status: 1,
          results: [
            { name: "a", flag: true },
            { name: "a", flag: false },
          ],
        },
      },
      "answer.results.a: ",
    ],
  ])("says what is wrong with %s", (_what, message, problem) => {
    const line = read(encode(message));
    expect(line.kind === "malformed" ? line.what : line).toContain(problem);
  });

  it("gives a line for any bytes, also for those that nest without end, and throws nothing", () => {
    const good = encode({ values: { values: [{ name: "a", number: 1, unit: "V", timeUs: NOW_US }] } });
    const mutated = fc.tuple(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length)).map(([at, byte, end]) => {
      const bytes = good.slice(0, Math.max(end, at + 1));
      bytes[at] = byte;
      return bytes;
    });
    const property = fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), mutated), (bytes) => {
      expect(["malformed", "record", "name", "answer"]).toContain(read(bytes).kind);
    });
    fc.assert(property, { seed: SEED, numRuns: 3000 });
    // Groups of a field that nobody knows, one in the other.
    expect(read(new Uint8Array(65_536).fill(0x7b)).kind).toBe("malformed");
    // As many empty values as fit.
    const values = Buffer.from(Array.from({ length: 30_000 }, () => [0x12, 0]).flat());
    const many = protobuf.Writer.create().uint32(0x12).bytes(values).finish();
    expect(read(many)).toMatchObject({ kind: "malformed" });
    expect(JSON.stringify(read(many))).toContain("<=256");
  });
});

describe("encodeToProgram", () => {
  const decode = (bytes: Uint8Array) =>
    toProgram.toObject(toProgram.decodeDelimited(bytes), { longs: Number, enums: String });

  it("writes what a line says, its length before it", () => {
    expect(decode(encodeToProgram({ program: "" }))).toEqual({ named: {} });
    expect(decode(encodeToProgram({ program: "hvac", answers: ["a", "b"] }))).toEqual({
      named: { program: "hvac", answers: ["a", "b"] },
    });
    expect(decode(encodeToProgram({ stored: { epoch: 7, stream: "event", seq: 2 ** 40 } }))).toEqual({
      stored: { epoch: 7, stream: "STREAM_EVENT", seq: 2 ** 40 },
    });
    expect(decode(encodeToProgram({ answered: "i" }))).toEqual({ answered: { id: "i" } });
    const error = { code: "program.full", what: "w".repeat(300), remedy: "é" } as const;
    expect(decode(encodeToProgram({ error }))).toEqual({ error });
    const given = { celsius: 0, on: false, zone: "", name: "x" };
    expect(
      decode(
        encodeToProgram({ command: { id: "i", name: "n", arguments: given, deadlineMs: 600_000, ledgerId: "c-1" } }),
      ),
    ).toEqual({
      command: {
        id: "i",
        name: "n",
        arguments: [
          { name: "celsius", number: 0 },
          { name: "on", flag: false },
          { name: "zone", text: "" },
          { name: "name", text: "x" },
        ],
        deadlineMs: 600_000,
        ledgerId: "c-1",
      },
    });
  });
});
