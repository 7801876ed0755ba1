import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import type { TriggerReport } from "../../../../../agent/telemetry/record/encode/trigger.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { bodyOf, decodeAll } from "../../../../fakes/telemetry/records.ts";
import { encoderOf, idOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";
import { FIRED } from "../../../../fakes/telemetry/trigger.ts";

const table = tableOf([]);
const LAST = { epoch: 2 ** 53 - 1, stream: "event", seq: 2 ** 53 - 1 } as const;

describe.each(["columns", "rows", "json"] as const)("the record of a trigger of a campaign that sends %s", (form) => {
  const encoder = encoderOf(table, { compression: "zstd", maxPayloadBytes: 4096 });

  it("says why it fired, what there is of the time around it, and what was lost", () => {
    const draft = encoder.trigger(FIRED, form);
    expect(draft).toMatchObject({ stream: "event", encoding: "identity" });
    expect(bodyOf(decodeAll([draft])[0], "trigger")).toEqual({ kind: "trigger", ...FIRED });
  });

  it("does without what is not known", () => {
    const { context: _, ...known } = FIRED;
    const bare: TriggerReport = {
      ...known,
      phase: "end",
      cause: { ...FIRED.cause, byHand: true, mode: "while", values: [] },
    };
    const found = bodyOf(decodeAll([encoder.trigger(bare, form)])[0], "trigger");
    expect(found).toEqual({ kind: "trigger", ...bare, context: { dtcs: [], dtcsDropped: 0, position: undefined } });
  });

  it("leaves out what is too long for a record, counts it, and keeps what comes first", () => {
    const marksUs = Array.from({ length: 2000 }, (_, at) => FIRED.timeUs + at);
    const values = Array.from({ length: 200 }, (_, at) => ({ name: `rate(${"x".repeat(90)}${at})`, value: at }));
    const long: TriggerReport = {
      ...FIRED,
      cause: { ...FIRED.cause, expression: "x > 1.0 || ".repeat(180), values },
      capture: { ...FIRED.capture, marksUs },
    };
    const draft = encoder.trigger(long, form);
    expect(draft.seal(LAST).length).toBeLessThanOrEqual(4096);
    const { cause, capture } = bodyOf(decodeAll([draft])[0], "trigger");
    expect(cause.expression).toBe(long.cause.expression);
    expect(capture.marksUs.length + capture.marksDropped).toBe(2000 + FIRED.capture.marksDropped);
    expect(cause.values.length + (cause.valuesDropped ?? 0)).toBe(200);
    expect(cause.values.length).toBeGreaterThan(0);
    expect(cause.values.map(({ value }) => value)).toEqual(cause.values.map((_, at) => at));
  });

  it("keeps the limit to the byte", () => {
    const short = encoderOf(table, { maxPayloadBytes: 2500 });
    const lengths = Array.from({ length: 500 }, (_, more) => {
      const cause = { ...FIRED.cause, expression: "x".repeat(1000 + more * 3), values: [] };
      return short.trigger({ ...FIRED, cause }, form).seal(LAST).length;
    });
    expect(Math.max(...lengths)).toBeLessThanOrEqual(2500);
    expect(Math.max(...lengths)).toBeGreaterThan(2400);
  });

  it("leaves out trouble codes that are too many, and counts them", () => {
    const dtcs = Array.from({ length: 1000 }, (_, at) => `P${at}`);
    const draft = encoder.trigger({ ...FIRED, context: { dtcs } }, form);
    expect(draft.seal(LAST).length).toBeLessThanOrEqual(4096);
    const { context } = bodyOf(decodeAll([draft])[0], "trigger");
    expect(context?.dtcs).toEqual(dtcs.slice(0, context?.dtcs.length));
    expect((context?.dtcs.length ?? 0) + (context?.dtcsDropped ?? 0)).toBe(1000);
    expect(context?.dtcs.length).toBeGreaterThan(100);
  });

  it("cuts an expression that no record holds", () => {
    const expression = "ä".repeat(3000);
    const draft = encoder.trigger({ ...FIRED, cause: { ...FIRED.cause, expression } }, form);
    expect(draft.seal(LAST).length).toBeLessThanOrEqual(4096);
    expect(bodyOf(decodeAll([draft])[0], "trigger").cause.expression).toBe("ä".repeat(500));
  });
});

describe("the JSON form of a trigger", () => {
  it("is the same message, read by protobufjs, which shares no code with us", () => {
    const type = protobuf.Root.fromDescriptor(readDescriptor()).lookupType("causeway.v1.Record");
    const encoder = encoderOf(table);
    const [asProtobuf, asJson] = (["rows", "json"] as const).map((form) =>
      encoder.trigger(FIRED, form).seal(idOf(1, "event")),
    );
    const parsed = z.record(z.string(), z.unknown()).parse(JSON.parse(new TextDecoder().decode(asJson)));
    const plain = { longs: Number, enums: String } as const;
    expect(type.toObject(type.fromObject(parsed), plain)).toEqual(type.toObject(type.decode(asProtobuf), plain));
  });
});

describe("Encoder.campaignReport", () => {
  const campaign = FIRED.campaign;
  const report = {
    timeUs: FIRED.timeUs,
    running: Array.from({ length: 300 }, (_, at) => ({
      campaign: { ...campaign, id: `campaign-${at}` },
      state: "collects",
      triggers: at,
      bytesToday: at * 10,
    })),
    refused: [{ id: "bad", version: 1, reason: "x".repeat(600) }],
  };

  it("is cut into parts that together say all of it", () => {
    const drafts = encoderOf(table, { maxPayloadBytes: 4096 }).campaignReport(report);
    for (const draft of drafts) expect(draft.seal(LAST).length).toBeLessThanOrEqual(4096);
    const parts = decodeAll(drafts).map((record) => bodyOf(record, "campaign-report"));
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.map(({ part, parts: of, timeUs }) => [part, of, timeUs])).toEqual(
      parts.map((_, part) => [part, parts.length, FIRED.timeUs]),
    );
    expect(parts.flatMap(({ running }) => running)).toEqual(report.running);
    expect(parts.flatMap(({ refused }) => refused)).toEqual([{ id: "bad", version: 1, reason: "x".repeat(500) }]);
  });

  it("is one record where there is nothing to say", () => {
    const nothing = { timeUs: 5, running: [], refused: [] };
    const [record, ...others] = decodeAll(encoderOf(table).campaignReport(nothing));
    expect(bodyOf(record, "campaign-report")).toEqual({ kind: "campaign-report", ...nothing, part: 0, parts: 1 });
    expect(others).toEqual([]);
  });
});
