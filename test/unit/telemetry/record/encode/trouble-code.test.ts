import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSignalTable } from "../../../../../agent/signals/build-table.ts";
import type {
  FreezeValue,
  LampState,
  TroubleCodeEvent,
} from "../../../../../agent/telemetry/record/encode/trouble-code.ts";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { encoderOf, idOf } from "../../../../fakes/telemetry/samples.ts";
import { BARE, CLEARED, CONFIRMED, codeReport, MISFIRE } from "../../../../fakes/telemetry/trouble-codes.ts";

const table = createSignalTable([]);
const reader = createRecordReader(readDescriptor());
const LAMP_STATES: readonly (LampState | undefined)[] = [undefined, "off", "on", "slow-flash", "fast-flash"];

function roundTrip(event: TroubleCodeEvent): unknown {
  return reader.decode(encoderOf(table).troubleCode(event).seal(idOf(3, "event"))).body;
}

describe("Encoder.troubleCode", () => {
  it("comes back as it went in, with what is absent absent", () => {
    expect(roundTrip(CONFIRMED)).toEqual({ kind: "trouble-code", ...CONFIRMED });
    expect(roundTrip(CLEARED)).toEqual({ kind: "trouble-code", ...CLEARED });
    const bare = { ...CONFIRMED, event: "healed", code: BARE } as const;
    expect(roundTrip(bare)).toEqual({ kind: "trouble-code", ...bare });
  });

  it("comes back whatever the numbers, lamps and names are", () => {
    const lamp = fc.constantFrom(...LAMP_STATES);
    const text = fc.string({ minLength: 1, maxLength: 100 });
    const freeze = fc.record({
      name: text,
      value: fc.oneof(fc.double({ noNaN: true }), text),
      unit: fc.option(text, { nil: undefined }),
    });
    const event = fc.record({
      number: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
      isRepeated: fc.boolean(),
      timeUs: fc.maxSafeInteger(),
      event: fc.constantFrom("appeared", "confirmed", "healed", "returned", "changed", "lamps"),
      code: fc.record({
        bus: text,
        ecu: text,
        protocol: fc.constantFrom("obd", "uds", "j1939"),
        code: text,
        raw: fc.nat(0xffff_ffff),
        text: fc.option(text, { nil: undefined }),
        status: fc.option(fc.nat(255), { nil: undefined }),
        isActive: fc.boolean(),
        isPending: fc.boolean(),
        isConfirmed: fc.boolean(),
        isPermanent: fc.boolean(),
        ecuOccurrences: fc.option(fc.nat(255), { nil: undefined }),
        occurrences: fc.nat(),
        firstSeenUs: fc.maxSafeInteger(),
        sinceUs: fc.maxSafeInteger(),
        lastSeenUs: fc.maxSafeInteger(),
        odometerKm: fc.option(fc.double({ noNaN: true }), { nil: undefined }),
        lamps: fc.option(fc.record({ malfunction: lamp, stop: lamp, warning: lamp, protect: lamp }), {
          nil: undefined,
        }),
        freeze: fc.array(freeze, { maxLength: 20 }),
        freezeDropped: fc.nat(),
      }),
    });
    fc.assert(
      fc.property(event, (given) => {
        expect(roundTrip(given)).toEqual({ kind: "trouble-code", ...given });
      }),
      { seed: 24, numRuns: 200 },
    );
  });

  it("is never compressed, and in the event stream", () => {
    const draft = encoderOf(table, { compression: "zstd" }).troubleCode(CONFIRMED);
    expect([draft.encoding, draft.stream]).toEqual(["identity", "event"]);
  });

  it("leaves out what a record has no room for, and counts it", () => {
    const freeze = Array.from(
      { length: 64 },
      (_, at): FreezeValue => ({ name: `value ${at}`, value: "ä".repeat(150) }),
    );
    const codes = Array.from({ length: 1000 }, (_, at) => `SPN ${at} FMI 31`);
    const encoder = encoderOf(table, { maxPayloadBytes: 4096 });
    const long = encoder.troubleCode({ ...CONFIRMED, code: { ...MISFIRE, freeze, freezeDropped: 0 } });
    const many = encoder.troubleCode({ ...CLEARED, cleared: { codes, dropped: 1, by: undefined } });
    const payloads = [long, many].map((draft) => draft.seal(idOf(1, "event")));
    for (const payload of payloads) expect(payload.length).toBeLessThanOrEqual(4096);
    const [first, second] = payloads.map((payload) => reader.decode(payload).body);
    if (first.kind !== "trouble-code" || second.kind !== "trouble-code") throw new TypeError("not a trouble code");
    expect(first.code.freeze).toEqual(freeze.slice(0, 8).map((value) => ({ ...value, unit: undefined })));
    expect(first.code.freezeDropped).toBe(56);
    const kept = second.cleared?.codes.length ?? 0;
    expect(kept).toBeGreaterThan(100);
    expect([second.cleared?.codes, second.cleared?.dropped]).toEqual([codes.slice(0, kept), 1001 - kept]);
  });

  it("cuts a text from outside, so that a code always fits", () => {
    const text = "x".repeat(5000);
    const worst = { ...MISFIRE, code: text, text, freeze: [{ name: text, value: text, unit: text }] };
    const payload = encoderOf(table, { maxPayloadBytes: 4096 }).troubleCode({ ...CONFIRMED, code: worst });
    expect(payload.seal(idOf(1, "event")).length).toBeLessThan(1200);
  });
});

describe("Encoder.codeReport", () => {
  it("is cut into parts that together list all codes, without freeze data", () => {
    const { codes, ...report } = codeReport(300);
    const given = { ...report, ecu: "engine", codes: codes.map((code) => ({ ...code, freeze: MISFIRE.freeze })) };
    const payloads = encoderOf(table, { maxPayloadBytes: 4096 })
      .codeReport(given)
      .map((draft) => draft.seal(idOf(1, "event")));
    for (const payload of payloads) expect(payload.length).toBeLessThanOrEqual(4096);
    const parts = payloads.map((payload) => reader.decode(payload).body);
    expect(parts.length).toBeGreaterThan(3);
    expect(parts.flatMap((part) => (part.kind === "trouble-code-report" ? part.codes : []))).toEqual(codes);
    parts.forEach((body, part) => {
      expect(body).toMatchObject({ ...report, ecu: "engine", kind: "trouble-code-report", part, parts: parts.length });
    });
  });

  it("is one record where no code is active", () => {
    const [draft, ...others] = encoderOf(table, { compression: "zstd" }).codeReport(codeReport(0));
    expect([draft.encoding, others]).toEqual(["identity", []]);
    const { body } = reader.decode(draft.seal(idOf(1, "event")));
    expect(body).toEqual({ kind: "trouble-code-report", ...codeReport(0), part: 0, parts: 1 });
  });
});
