import { createHash } from "node:crypto";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../../agent/core/errors.ts";
import { ProtobufWriter } from "../../../../../agent/telemetry/record/encode/protobuf-writer.ts";
import type { RecordColumn } from "../../../../../agent/telemetry/record/read/decoded-record.ts";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { encoderOf, idOf, type LoggedSample, logOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const T0 = 1_767_225_600_000_000;
const reader = createRecordReader(readDescriptor());

const table = tableOf([
  {
    name: "A",
    signals: [
      { name: "U8", bits: 8 },
      { name: "S53", bits: 53, signed: true },
      { name: "U53", bits: 53 },
    ],
  },
  {
    name: "B",
    signals: [
      { name: "S64", bits: 64, signed: true },
      { name: "U64", bits: 64 },
    ],
  },
  {
    name: "C",
    signals: [
      { name: "F", kind: "float", bits: 32 },
      { name: "D", kind: "double", bits: 64 },
    ],
  },
]);

/** What decoding the payload throws; a bug when it is not an AgentError. */
function faultOf(payload: Uint8Array): AgentError | undefined {
  try {
    reader.decode(payload);
    return undefined;
  } catch (thrown) {
    if (thrown instanceof AgentError) return thrown;
    throw thrown;
  }
}

function payloadOf(compression: "none" | "gzip" | "zstd"): Uint8Array {
  const samples = Array.from({ length: 200 }, (_, at) => ({ signal: at % 7, timeUs: T0 + at * 777, raw: at }));
  const [draft] = encoderOf(table, { compression }).samples(logOf(table, samples), [
    { bus: "can0", received: 3, dropped: undefined, errorFrames: 0 },
  ]);
  return draft.seal(idOf(9));
}

/** A record with a good header and whatever `write` puts behind it. */
function forged(write: (writer: ProtobufWriter) => void): Uint8Array {
  const writer = new ProtobufWriter();
  writer.stringField(1, "truck-1");
  writer.uintField(2, 1);
  writer.stringField(3, "telemetry");
  writer.uintField(4, 1);
  writer.begin(6, 2);
  writer.uintField(3, 1);
  writer.end();
  write(writer);
  return writer.finish();
}

/** A Samples body with one axis and one column. */
function forgedColumn(deltas: readonly number[], raws: readonly number[], axis = 0): Uint8Array {
  return forged((writer) => {
    writer.begin(10, 10);
    writer.stringField(1, "table");
    writer.uintField(3, 1000);
    writer.begin(4, 2);
    writer.begin(1, 2);
    deltas.forEach((delta) => writer.sint(delta));
    writer.end();
    writer.end();
    writer.begin(5, 2);
    writer.uintField(2, axis);
    writer.begin(3, 2);
    raws.forEach((raw) => writer.sint(raw));
    writer.end();
    writer.end();
    writer.end();
  });
}

describe("RecordReader", () => {
  it.each(["none", "gzip", "zstd"] as const)("tells by itself how a payload is packed (%s)", (compression) => {
    expect(reader.decode(payloadOf(compression)).body).toEqual(reader.decode(payloadOf("none")).body);
  });

  it("gives back any columns exactly as they went into the encoder", () => {
    const rawOf = [
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 }),
      fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 2 ** 53 - 1)),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.float({ noDefaultInfinity: false }),
      fc.double(),
    ];
    const timeUs = fc.oneof(
      fc.integer({ min: 0, max: 5_000_000 }).map((us) => T0 + us),
      fc.integer({ min: 0, max: 2 ** 51 }),
    );
    const sample: fc.Arbitrary<LoggedSample> = fc
      .integer({ min: 0, max: 6 })
      .chain((signal) => fc.record({ signal: fc.constant(signal), timeUs, raw: rawOf[signal], opens: fc.boolean() }));
    const encoder = encoderOf(table, { maxPayloadBytes: 4096, compression: "zstd" });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 300, size: "max" }), (samples) => {
        const found = table.signals.map((): LoggedSample[] => []);
        encoder.samples(logOf(table, samples), []).forEach((draft, at) => {
          const { body } = reader.decode(draft.seal(idOf(at + 1)));
          if (body.kind !== "samples") throw new Error("not samples");
          for (const column of body.columns) found[column.signal].push(...expand(column));
        });
        const expected = table.signals.map(({ index }) => samples.filter(({ signal }) => signal === index).map(exact));
        expect(found.map((column) => column.map(exact))).toEqual(expected);
      }),
      { seed: 20_261, numRuns: 300 },
    );
  });

  it("throws nothing but input.malformed for random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(faultOf(bytes)?.code).toBe("input.malformed");
      }),
      { seed: 20_262, numRuns: 3000 },
    );
  });

  it.each(["none", "gzip", "zstd"] as const)(
    "throws nothing but input.malformed for damaged records (%s)",
    (compression) => {
      const good = payloadOf(compression);
      const damage = fc.record({
        at: fc.nat({ max: good.length - 1 }),
        value: fc.nat({ max: 255 }),
        keep: fc.integer({ min: 1, max: good.length }),
        twice: fc.boolean(),
      });
      fc.assert(
        fc.property(damage, ({ at, value, keep, twice }) => {
          const bytes = twice ? Uint8Array.from([...good, ...good]) : good.slice(0, keep);
          bytes[at % bytes.length] = value;
          expect(faultOf(bytes)?.code ?? "input.malformed").toBe("input.malformed");
        }),
        { seed: 20_263, numRuns: 2000 },
      );
    },
  );

  it("reads no part of a record for the whole", () => {
    for (const compression of ["gzip", "zstd"] as const) {
      const good = payloadOf(compression);
      for (let keep = 0; keep < good.length; keep += 7) {
        expect(faultOf(good.slice(0, keep))?.code, `${compression} ${keep}`).toBe("input.malformed");
      }
    }
  });

  it("does not unpack more than a record can be", () => {
    const bomb = new Uint8Array(64 * 1024 * 1024);
    for (const packed of [gzipSync(bomb), zstdCompressSync(bomb)]) {
      expect(faultOf(packed)?.message).toMatch(/cannot be unpacked/);
    }
    expect(faultOf(bomb)?.message).toMatch(/is longer than 4194304/);
  });

  it.each([0, 1, 3500, 10_000])("gives back a file of %s bytes from its parts, each within the limit", (bytes) => {
    const content = Uint8Array.from({ length: bytes }, (_, at) => at & 0xff);
    const sha256 = createHash("sha256").update(content).digest("hex");
    const drafts = encoderOf(table, { maxPayloadBytes: 4096 }).file({ name: "ä.gz", content, sha256 });
    const payloads = drafts.map((draft, part) => draft.seal(idOf(part + 1, "event")));
    expect(payloads.every(({ length }) => length <= 4096)).toBe(true);
    const parts = payloads.map((payload) => reader.decode(payload).body).filter((body) => body.kind === "file");
    expect(parts.map(({ part, parts: all, name }) => [part, all, name])).toEqual(
      drafts.map((_, part) => [part, drafts.length, "ä.gz"]),
    );
    expect(Buffer.concat(parts.map((part) => part.content)).equals(content)).toBe(true);
  });

  it("gives back the phase of an update as it went in, but for a detail that is too long", () => {
    const phase = {
      number: 7,
      repeated: true,
      digest: "d".repeat(64),
      component: "agent",
      versionFrom: "1.3.0",
      versionTo: "1.4.0",
      phase: "rollback",
      reason: "unhealthy",
      detail: "ä".repeat(600),
      job: "job-1",
      execution: 2,
      bytes: 2 ** 33,
      totalBytes: 2 ** 34,
      percent: 50,
      timeUs: T0,
    };
    const read = (given: typeof phase) => {
      const draft = encoderOf(table, { compression: "zstd" }).updatePhase(given);
      expect(draft).toMatchObject({ stream: "control", encoding: "identity" });
      return reader.decode(draft.seal(idOf(1, "control"))).body;
    };
    expect(read(phase)).toEqual({ kind: "update-phase", ...phase, detail: "ä".repeat(500) });
    const local = { ...phase, repeated: false, reason: "", detail: "", job: "", execution: 0, bytes: 0, percent: 0 };
    expect(read(local)).toEqual({ kind: "update-phase", ...local });
  });

  it("names what is wrong", () => {
    expect(faultOf(new Uint8Array(0))?.message).toMatch(/not a record[^]*thing/);
    expect(faultOf(forged(() => undefined))?.message).toBe("the record holds nothing that this version knows");
    expect(faultOf(forgedColumn([0, 1], [5]))?.message).toMatch(/signal 0 has 1 values .* 2 times of axis 0/);
    expect(faultOf(forgedColumn([0], [5], 3))?.message).toBe("signal 0 refers to axis 3 of 1");
    expect(faultOf(forgedColumn([2 ** 52], [5]))?.message).toMatch(/beyond 2\^53/);
    expect(faultOf(forgedColumn([0], [5]))).toBeUndefined();
  });

  it("refuses a column with values of two kinds", () => {
    const both = forged((writer) => {
      writer.begin(10, 10);
      writer.stringField(1, "table");
      writer.uintField(3, 1000);
      writer.begin(4, 3);
      writer.bytesField(1, Uint8Array.of(0, 2));
      writer.end();
      writer.begin(5, 8);
      writer.bytesField(3, Uint8Array.of(2));
      writer.bytesField(4, new Uint8Array(4));
      writer.end();
      writer.end();
    });
    expect(faultOf(both)?.message).toMatch(/2 values of 2 kinds/);
  });
});

function expand(column: RecordColumn): LoggedSample[] {
  return column.timesUs.map((timeUs, at) => ({ signal: column.signal, timeUs, raw: column.raws[at] }));
}

/** Integers in one form, so that 5n and 5 compare; floats as they are. */
function exact({ signal, timeUs, raw }: LoggedSample): unknown {
  const { kind, bits } = table.signals[signal];
  if (kind !== "integer") return { signal, timeUs, raw: kind === "float" ? Math.fround(Number(raw)) : raw };
  return { signal, timeUs, raw: bits === 64 ? BigInt.asUintN(64, BigInt(raw)) : BigInt(raw) };
}
