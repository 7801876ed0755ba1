import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { FrameLog } from "../../../agent/telemetry/record/encode/frames.ts";
import { COUNTED } from "../../fakes/telemetry/histograms.ts";
import { hasProtoc, protocDecode, valuesOf } from "../../fakes/telemetry/protoc.ts";
import { encoderOf, idOf, type LoggedSample, logOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";
import { FIRED } from "../../fakes/telemetry/trigger.ts";
import { CLEARED, CONFIRMED, codeReport } from "../../fakes/telemetry/trouble-codes.ts";
import { VEHICLE_EVENTS } from "../../fakes/telemetry/vehicle-events.ts";

const PROTO = join(import.meta.dirname, "../../../config/proto");
const T0 = 1_767_225_600_000_000;

describe.skipIf(!hasProtoc)(`protoc --decode${hasProtoc ? "" : " (protoc is not installed)"}`, () => {
  const table = tableOf([
    { name: "A", signals: [{ name: "Small" }, { name: "Signed", signed: true, bits: 32 }] },
    {
      name: "B",
      signals: [
        { name: "Wide", bits: 64 },
        { name: "F", kind: "float", bits: 32 },
      ],
    },
    {
      name: "C",
      signals: [
        { name: "D", kind: "double", bits: 64 },
        { name: "Big", bits: 53 },
      ],
    },
  ]);
  const samples: LoggedSample[] = [
    { signal: 0, timeUs: T0, raw: 300 },
    { signal: 1, timeUs: T0, raw: -2_147_483_648 },
    { signal: 0, timeUs: T0 + 2000, raw: 3 },
    { signal: 1, timeUs: T0 + 2000, raw: 2_147_483_647 },
    { signal: 2, timeUs: T0 + 3000, raw: 2n ** 64n - 2n },
    { signal: 2, timeUs: T0 + 4000, raw: 2n ** 63n },
    { signal: 3, timeUs: T0 + 4000, raw: Number.NaN },
    { signal: 3, timeUs: T0 + 5000, raw: -1.5 },
    { signal: 4, timeUs: T0 - 90_000_000_000_000, raw: 0.1 },
    { signal: 5, timeUs: T0, raw: 2 ** 53 - 1 },
    { signal: 5, timeUs: T0 + 1000, raw: 0 },
  ];
  const counts = [{ bus: "can0", received: 12_345_678_901, dropped: 0, errorFrames: 0 }];
  const encoder = encoderOf(table, { timeResolutionUs: 1000 });
  const [draft] = encoder.samples(logOf(table, samples), counts);
  const payload = draft.seal(idOf(77));

  it("reads a record of samples by the .proto, every value as it went in", () => {
    const text = protocDecode(payload, ["-I", PROTO, join(PROTO, "telemetry.proto")]);
    expect(valuesOf(text, "thing")).toEqual(['"truck-1"']);
    expect(valuesOf(text, "epoch")).toEqual([String(0xa1b2_c3d4_e5f6)]);
    expect(valuesOf(text, "seq")).toEqual(["77"]);
    expect(valuesOf(text, "quality")).toEqual(["CLOCK_QUALITY_NTP"]);
    expect(valuesOf(text, "base_time_us")).toEqual([String(T0)]);
    expect(valuesOf(text, "time_unit_us")).toEqual(["1000"]);
    // Axes: A with 0 and 2 ms; B.Wide with 3 and 4; B.F with 4 and 5; C.D; C.Big with 0 and 1.
    expect(valuesOf(text, "counts")).toEqual(["2", "2", "2", "1", "2"]);
    expect(valuesOf(text, "starts")).toEqual(["0", "3", "1", "-90000000004", "90000000000"]);
    expect(valuesOf(text, "steps")).toEqual(["2", "-1", "0", "0"]);
    expect(valuesOf(text, "signals")).toEqual(["0", "1", "1", "1", "1", "1"]);
    expect(valuesOf(text, "axes")).toEqual(["0", "0", "1", "1", "1", "1"]);
    expect(valuesOf(text, "kinds")).toEqual(
      ["INTEGER", "INTEGER", "INTEGER", "FLOAT", "DOUBLE", "INTEGER"].map((kind) => `COLUMN_KIND_${kind}`),
    );
    // 2^64 - 2 is -2 modulo 2^64, and 2^63 is 2^63 + 2 further on, which is -(2^63 - 2) modulo 2^64.
    expect(valuesOf(text, "firsts")).toEqual(["300", "-2147483648", "-2", "9007199254740991"]);
    expect(valuesOf(text, "deltas")).toEqual(["-297", "4294967295", "-9223372036854775806", "-9007199254740991"]);
    expect(valuesOf(text, "floats")).toEqual(["nan", "-1.5"]);
    expect(valuesOf(text, "doubles")).toEqual(["0.1"]);
    expect(valuesOf(text, "received")).toEqual(["12345678901"]);
    expect(valuesOf(text, "dropped")).toEqual(["0"]);
    expect(text).not.toMatch(/^\s*\d+:/m);
  });

  it("reads the same by the shipped descriptor", () => {
    const byProto = protocDecode(payload, ["-I", PROTO, join(PROTO, "telemetry.proto")]);
    expect(protocDecode(payload, [`--descriptor_set_in=${join(PROTO, "telemetry.desc")}`])).toBe(byProto);
  });

  it("reads value texts, SPN and VSS of a signal table", () => {
    const texts = { raws: [-1, 0, 2n ** 64n - 1n], texts: ["none", "off", "all"] };
    const values = { raws: [0, 1], texts: ["", "PARK"] };
    const speed = { path: "Vehicle.Speed", unit: "km/h", value: { kind: "linear", factor: 0, offset: -0.5 } } as const;
    const gear = { path: "Vehicle.Gear", unit: "", value: { kind: "values", values } } as const;
    const tilt = { path: "Vehicle.Tilt", unit: "percent", value: { kind: "expression", expression: "x * x" } } as const;
    const named = tableOf([
      {
        name: "M",
        signals: [
          { name: "A", texts, spn: 0, vss: [gear, tilt] },
          { name: "B", vss: [speed], spn: 190 },
        ],
      },
    ]);
    const [made] = encoderOf({ ...named, vssRelease: "6.0" }).table();
    const text = protocDecode(made.seal(idOf(1, "event")), ["-I", PROTO, join(PROTO, "telemetry.proto")]);
    expect(valuesOf(text, "raw")).toEqual(["1", "-1", "-1"]);
    expect(valuesOf(text, "text")).toEqual(['"PARK"', '"none"', '"off"', '"all"']);
    expect(valuesOf(text, "spn")).toEqual(["0", "190"]);
    expect(valuesOf(text, "path")).toEqual(['"Vehicle.Gear"', '"Vehicle.Tilt"', '"Vehicle.Speed"']);
    expect(valuesOf(text, "expression")).toEqual(['"x * x"']);
    expect(text).toContain('unit: "km/h"\n      factor: 0\n      offset: -0.5\n');
    expect(valuesOf(text, "vss_release")).toEqual(['"6.0"']);
    expect(text).not.toMatch(/^\s*\d+:/m);
  });

  it("reads histograms", () => {
    const [counted] = encoder.histograms(COUNTED, "event");
    const text = protocDecode(counted.seal(idOf(1, "event")), ["-I", PROTO, join(PROTO, "telemetry.proto")]);
    const cells = [2 ** 53 - 1, 7, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 12];
    expect(valuesOf(text, "cells")).toEqual(cells.map(String));
    expect(valuesOf(text, "first_cell")).toEqual(["1"]);
    expect(valuesOf(text, "total_cells")).toEqual(["3", "9", "4", "1"]);
    expect(valuesOf(text, "edges")).toEqual(["0", "1000.5", "-1", "0", "-inf", "5"]);
    expect(valuesOf(text, "states")).toEqual(["0", "-1", "0.5"]);
    expect(valuesOf(text, "kind")).toEqual(["HISTOGRAM_KIND_DURATION", "HISTOGRAM_KIND_COUNTER"]);
    expect(valuesOf(text, "by")).toEqual(["HISTOGRAM_COUNT_SAMPLES", "HISTOGRAM_COUNT_INCREASE"]);
    expect(valuesOf(text, "source")).toEqual(["0"]);
    expect(text).not.toMatch(/^\s*\d+:/m);
  });

  it("reads rows and a trigger with nothing but the shipped descriptor, all in clear", () => {
    const campaign = { id: "slow", version: 2, digest: "0123456789abcdef" };
    const lane = encoder.lane({ schema: table, campaign, stream: "event", form: "rows" });
    const [rows] = lane.encode(logOf(table, samples.slice(2)), counts, 5);
    const source = [`--descriptor_set_in=${join(PROTO, "telemetry.desc")}`];
    const text = protocDecode(rows.seal(idOf(1, "event")), source);
    expect(valuesOf(text, "name")).toEqual(
      ["A.Small", "A.Signed", "B.Wide", "B.Wide", "B.F", "B.F", "C.D", "C.Big", "C.Big"].map((name) => `"${name}"`),
    );
    expect(valuesOf(text, "number")).toEqual([
      "3",
      "2147483647",
      "1.8446744073709552e+19",
      "9.2233720368547758e+18",
      "nan",
      "-1.5",
      "0.1",
      "9007199254740991",
      "0",
    ]);
    expect(valuesOf(text, "exact")).toEqual(['"18446744073709551614"', '"9223372036854775808"']);
    expect(valuesOf(text, "time_us")).toEqual(samples.slice(2).map(({ timeUs }) => String(timeUs)));
    expect(valuesOf(text, "trigger")).toEqual(["5"]);
    expect(valuesOf(text, "id")).toEqual(['"slow"']);
    const fired = protocDecode(encoder.trigger(FIRED, "rows").seal(idOf(2, "event")), source);
    expect(valuesOf(fired, "number")).toEqual(["12", "85.25", "-20.5", "inf"]);
    expect(valuesOf(fired, "flag")).toEqual(["false"]);
    expect(valuesOf(fired, "text")).toEqual(['""']);
    expect(valuesOf(fired, "marks_us")).toEqual(FIRED.capture.marksUs.map(String));
    expect(valuesOf(fired, "dtcs")).toEqual(['"P0420"', '"U0100"']);
    expect(valuesOf(fired, "phase")).toEqual(["TRIGGER_PHASE_BEGIN"]);
    for (const shown of [text, fired]) expect(shown).not.toMatch(/^\s*\d+:/m);
  });

  it("reads what the vehicle does", () => {
    const source = [`--descriptor_set_in=${join(PROTO, "telemetry.desc")}`];
    const read = (made: { seal: typeof draft.seal }): string => protocDecode(made.seal(idOf(1, "event")), source);
    const [change, end] = VEHICLE_EVENTS.map((event) => read(encoder.vehicleEvent(event)));
    expect(["state", "before", "why"].flatMap((name) => valuesOf(change, name))).toEqual([
      '"parked"',
      '"driving"',
      '"ignition off: its signals say so"',
    ]);
    const counts = ["number", "time_us", "lasted_ms", "trip", "odometer_km", "value"];
    expect(counts.flatMap((name) => valuesOf(change, name))).toEqual([
      "7",
      "1767225600000001",
      "0",
      "3",
      "123456.7",
      "80.5",
    ]);
    const facts = ["number", "repeated", "trip", "phase", "began_us", "interrupted", "began_odometer_km", "latitude"];
    expect(facts.flatMap((name) => valuesOf(end, name))).toEqual([
      "8",
      "true",
      "3",
      '"end"',
      "1767225500000002",
      "true",
      "123400.5",
      "48.137",
    ]);
    for (const shown of [change, end]) expect(shown).not.toMatch(/^\s*\d+:/m);
  });

  it("reads trouble codes and a report of them", () => {
    const source = [`--descriptor_set_in=${join(PROTO, "telemetry.desc")}`];
    const read = (made: { seal: typeof draft.seal }): string => protocDecode(made.seal(idOf(1, "event")), source);
    const confirmed = read(encoder.troubleCode(CONFIRMED));
    expect(valuesOf(confirmed, "event")).toEqual(["TROUBLE_CODE_EVENT_CONFIRMED"]);
    expect(valuesOf(confirmed, "number")).toEqual(["7", "726.25", "0"]);
    expect(["code", "raw", "status", "odometer_km"].flatMap((name) => valuesOf(confirmed, name))).toEqual([
      '"P0301-1F"',
      String(0x0301_1f),
      String(0x8f),
      "123456.7",
    ]);
    const flags = ["repeated", "active", "pending", "confirmed", "permanent"];
    expect(flags.flatMap((name) => valuesOf(confirmed, name))).toEqual(flags.map(() => "true"));
    const counts = ["ecu_occurrences", "occurrences", "freeze_dropped", "first_seen_us", "since_us", "last_seen_us"];
    expect(counts.flatMap((name) => valuesOf(confirmed, name))).toEqual([
      "0",
      "3",
      "2",
      "1767225600000001",
      "1767225650000003",
      "1767225700000002",
    ]);
    expect(confirmed).toContain(
      "lamps {\n      malfunction: LAMP_STATE_FAST_FLASH\n      warning: LAMP_STATE_ON\n      protect: LAMP_STATE_OFF\n    }",
    );
    expect(confirmed).toContain('freeze {\n      name: "DID 0xF1A0"\n      text: "00FF"\n    }');
    const cleared = read(encoder.troubleCode(CLEARED));
    expect(valuesOf(cleared, "cleared")).toEqual(['"SPN 100 FMI 1"', '"SPN 520200 FMI 31"']);
    expect(["cleared_dropped", "cleared_by"].flatMap((name) => valuesOf(cleared, name))).toEqual([
      "4",
      '"another tester"',
    ]);
    const report = read(encoder.codeReport(codeReport(2))[0]);
    expect(valuesOf(report, "code")).toEqual(['"SPN 0 FMI 1"', '"SPN 1 FMI 1"']);
    expect(["reason", "parts", "refused"].flatMap((name) => valuesOf(report, name))).toEqual(['"day"', "1", "3"]);
    for (const shown of [confirmed, cleared, report]) expect(shown).not.toMatch(/^\s*\d+:/m);
  });

  it("reads the records of every other kind", () => {
    const source = [`--descriptor_set_in=${join(PROTO, "telemetry.desc")}`];
    const read = (made: { seal: typeof draft.seal }): string => protocDecode(made.seal(idOf(1, "event")), source);
    const described = read(encoder.table()[0]);
    expect(valuesOf(described, "name")).toEqual(
      ["Small", "Signed", "Wide", "F", "D", "Big"].map((name) => `"${name}"`),
    );
    expect(valuesOf(described, "bits")).toEqual(["16", "32", "64", "32", "64", "53"]);
    expect(valuesOf(described, "kind")).toEqual(["SIGNAL_KIND_FLOAT", "SIGNAL_KIND_DOUBLE"]);
    const loss = read(encoder.loss({ epoch: 9, stream: "capture", first: 1, last: 4, reason: "expired", detail: "ä" }));
    expect(valuesOf(loss, "reason")).toEqual(["LOSS_REASON_EXPIRED"]);
    expect(valuesOf(loss, "last")).toEqual(["4"]);
    const range = { epoch: 9, stream: "telemetry", first: 3, last: 70, detail: "thinned 10:1" } as const;
    const thinned = { ratio: 10, keptFirst: 72, keptLast: 2 ** 40 };
    const thinnedLoss = read(encoder.loss({ ...range, reason: "thinned", thinned }));
    expect(valuesOf(thinnedLoss, "reason")).toEqual(["LOSS_REASON_THINNED"]);
    expect(["thinning", "kept_first", "kept_last"].flatMap((name) => valuesOf(thinnedLoss, name))).toEqual(
      Object.values(thinned).map(String),
    );
    const event = read(encoder.busEvent({ count: counts[0], state: "down", detail: "gone", timeUs: T0 }));
    expect(valuesOf(event, "state")).toEqual(['"down"']);
    expect(valuesOf(event, "time_us")).toEqual([String(T0)]);
    const notice = read(encoder.notice({ event: "config.unusable", detail: "gone" }));
    expect(valuesOf(notice, "event")).toEqual(['"config.unusable"']);
    const after = { quality: "saved", source: "saved", errorMs: 0, detail: "" } as const;
    const moment = { stepUs: -5, monotonicUs: 7, suspendedUs: 9_000_000_000, wallUs: T0, untold: 0 };
    const clock = read(encoder.clockChange({ before: undefined, after, reason: "start", ...moment }));
    expect(valuesOf(clock, "quality")).toEqual(["CLOCK_QUALITY_NTP", "CLOCK_QUALITY_SAVED"]);
    const clockFields = ["source", "error_ms", "step_us", "suspended_us", "reason"];
    expect(clockFields.flatMap((field) => valuesOf(clock, field))).toEqual([
      '"saved"',
      "0",
      "-5",
      "9000000000",
      '"start"',
    ]);
    const modem = { state: "connected", failure: "", registration: "roaming", operator: "Örsted", technology: "lte" };
    const link = read(
      encoder.linkChange({
        link: "wwan0",
        cost: "high",
        metered: true,
        modem: { ...modem, signalPercent: 0 },
        reason: "roaming",
        untold: 0,
        timeUs: T0,
      }),
    );
    expect(["link", "metered", "registration", "signal_percent"].flatMap((field) => valuesOf(link, field))).toEqual([
      '"wwan0"',
      "true",
      '"roaming"',
      "0",
    ]);
    const used = { link: "wwan0", use: "capture", dayBytes: 2 ** 40, monthBytes: 2 ** 41 };
    const usage = read(encoder.dataUsage({ day: 20_787, usage: [used, { ...used, use: "ota" }], timeUs: T0 }));
    expect(["day", "use", "day_bytes"].flatMap((field) => valuesOf(usage, field))).toEqual([
      "20787",
      '"capture"',
      '"ota"',
      String(2 ** 40),
      String(2 ** 40),
    ]);
    const happened = {
      event: "command-refused",
      reason: "ACCESS_DENIED",
      source: "aws",
      detail: "",
      untold: 0,
    } as const;
    const security = read(encoder.securityEvent({ ...happened, count: 2 ** 40, firstUs: T0 - 5, timeUs: T0 }));
    expect(
      ["event", "reason", "source", "count", "first_us", "untold"].flatMap((field) => valuesOf(security, field)),
    ).toEqual(['"command-refused"', '"ACCESS_DENIED"', '"aws"', String(2 ** 40), String(T0 - 5)]);
    const uploaded = read(
      encoder.uploadedFile({
        upload: "u-1",
        kind: "capture",
        name: "00001-0001.log",
        sizeBytes: 2 ** 33,
        sha256: "0f".repeat(32),
        location: "https://b.example.com/k",
        etag: '"e-2"',
        isChecked: true,
        reason: "case 7",
        timeUs: T0,
      }),
    );
    expect(
      ["upload", "kind", "size_bytes", "etag", "is_checked"].flatMap((field) => valuesOf(uploaded, field)),
    ).toEqual(['"u-1"', '"capture"', String(2 ** 33), '"\\"e-2\\""', "true"]);
    const log = new FrameLog("c-1", "can0", 1000);
    log.take(Uint8Array.of(9, 1, 255), 1, 2, 0x18fe_f100, FRAME_FLAG.extended, T0);
    log.take(Uint8Array.of(), 0, 0, 0x7ff, 0, T0 - 3);
    const frames = read(encoder.frames(log));
    expect(valuesOf(frames, "base_time_us")).toEqual([String(T0)]);
    expect(valuesOf(frames, "deltas")).toEqual(["0", "-3"]);
    expect(valuesOf(frames, "ids")).toEqual([String(0x18fe_f100), String(0x7ff)]);
    expect(valuesOf(frames, "lengths")).toEqual(["2", "0"]);
    expect(valuesOf(frames, "data")).toEqual(['"\\001\\377"']);
    const file = read(encoder.file({ name: "a.gz", content: Uint8Array.of(1, 255), sha256: "0".repeat(64) })[0]);
    expect(valuesOf(file, "content")).toEqual(['"\\001\\377"']);
    expect(valuesOf(file, "parts")).toEqual(["1"]);
    const about = {
      digest: "ab",
      component: "agent",
      versionFrom: "1",
      versionTo: "2",
      reason: "tampered",
      detail: "x",
    };
    const job = { job: "j-1", execution: 3, bytes: 5_000_000_000, totalBytes: 6_000_000_000, percent: 83, timeUs: T0 };
    const phase = read(encoder.updatePhase({ number: 4, repeated: true, phase: "failed", ...about, ...job }));
    const fields = [
      "number",
      "repeated",
      "component",
      "version_from",
      "version_to",
      "phase",
      "reason",
      "job",
      "execution",
    ];
    expect(fields.flatMap((field) => valuesOf(phase, field))).toEqual([
      "4",
      "true",
      '"agent"',
      '"1"',
      '"2"',
      '"failed"',
      '"tampered"',
      '"j-1"',
      "3",
    ]);
    expect(["bytes", "total_bytes", "percent"].flatMap((field) => valuesOf(phase, field))).toEqual([
      "5000000000",
      "6000000000",
      "83",
    ]);
  });
});
