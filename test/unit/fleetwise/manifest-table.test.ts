import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { manifestTable } from "../../../agent/fleetwise/manifest-table.ts";
import type { DecoderManifest } from "../../../agent/fleetwise/read/decoder-manifest.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { findSignal } from "../../../agent/signals/signal-names.ts";
import { fleetwiseStartBit } from "../../bench/cloud/fleetwise-start-bit.ts";
import { canSignal, messageBytes, reader } from "../../fakes/fleetwise/messages.ts";

const SEED = 20_261_129;
const PLACES = {
  busOf: (interfaceId: string) => ({ can0: "powertrain", can1: "body" })[interfaceId],
  isPolled: (bus: string, pid: number) => bus === "powertrain" && pid === 0x0c,
};

function manifestOf(...signals: readonly unknown[]): DecoderManifest {
  const read = reader.manifest(messageBytes("DecoderManifest", { sync_id: "dm-1", can_signals: signals }));
  if (read.kind === "unreadable") throw new Error(read.problem);
  return read.document;
}

/** The raw value of a signal as FWE numbers its bits: from the least significant bit upwards, one by one. */
function fleetwiseBits(data: Uint8Array, start: number, bits: number, isBigEndian: boolean): bigint {
  let value = 0n;
  let at = start;
  for (let weight = 0; weight < bits; weight++) {
    value |= BigInt((data[Math.floor(at / 8)] >> (at % 8)) & 1) << BigInt(weight);
    // Above bit 7 of its byte: little-endian signals go on in the next byte, big-endian ones in the byte before.
    if (at % 8 < 7) at += 1;
    else at += isBigEndian ? -15 : 1;
  }
  return value;
}

const anySignal = fc
  .record({ bits: fc.integer({ min: 1, max: 64 }), isBigEndian: fc.boolean(), isSigned: fc.boolean() })
  .chain((signal) =>
    fc.integer({ min: 0, max: 64 - signal.bits }).map((from) => {
      // Counted from the top bit of byte 0 downwards for big-endian signals.
      const dbcStart = signal.isBigEndian ? Math.floor(from / 8) * 8 + 7 - (from % 8) : from;
      return { ...signal, dbcStart };
    }),
  );

describe("start bits", () => {
  // Vectors of campaigns.md, section 7.
  it.each([
    [7, 8, 0],
    [7, 16, 8],
    [3, 12, 8],
    [23, 16, 24],
    [5, 3, 3],
    [39, 8, 32],
  ])("of a big-endian signal: %i with %i bits in a DBC file is %i in a manifest", (dbc, bits, fleetwise) => {
    expect(fleetwiseStartBit(dbc, bits, true)).toBe(fleetwise);
    const [signal] = manifestOf(canSignal({ start_bit: fleetwise, length: bits, is_big_endian: true })).signals;
    expect(signal.startBit).toBe(dbc);
  });

  it(`of any signal lead to the bits that FWE reads (seed ${SEED})`, () => {
    fc.assert(
      fc.property(anySignal, fc.uint8Array({ minLength: 8, maxLength: 8 }), (given, data) => {
        const { bits, isBigEndian, isSigned, dbcStart } = given;
        const start = fleetwiseStartBit(dbcStart, bits, isBigEndian);
        const wire = { start_bit: start, length: bits, is_big_endian: isBigEndian, is_signed: isSigned };
        const manifest = manifestOf(canSignal(wire));
        expect(manifest.signals[0]?.startBit).toBe(dbcStart);
        const table = createSignalTable(manifestTable(manifest, PLACES).sources);
        const [message] = table.messages;
        message.decode(data, 0, data.length, table.values, table.wides, table.present);
        const unsigned = fleetwiseBits(data, start, bits, isBigEndian);
        const expected = isSigned ? BigInt.asIntN(bits, unsigned) : unsigned;
        const [{ wide }] = table.signals;
        const raw = wide < 0 ? BigInt(table.values[0]) : table.wides[wide];
        expect(BigInt.asUintN(64, raw)).toBe(BigInt.asUintN(64, expected));
      }),
      { seed: SEED, numRuns: 1000 },
    );
  });
});

describe("a manifest as a signal table", () => {
  it("has a message for each bus and id, and names that stand for its signals", () => {
    const manifest = manifestOf(
      canSignal({ signal_id: 1 }),
      canSignal({ signal_id: 2, start_bit: 8, factor: 0.5, offset: -40 }),
      canSignal({ signal_id: 3, interface_id: "can1" }),
      canSignal({ signal_id: 4, message_id: 0x8000_0123 }),
    );
    const { sources, names, refused } = manifestTable(manifest, PLACES);
    const table = createSignalTable(sources);
    expect(refused).toEqual([]);
    expect([...names]).toEqual([
      [1, "powertrain/Frame123@0x123.S1"],
      [2, "powertrain/Frame123@0x123.S2"],
      [3, "body/Frame123@0x123.S3"],
      [4, "powertrain/Frame00000123x@0x00000123.S4"],
    ]);
    for (const [id, name] of names) {
      expect(findSignal(table, name)).toMatchObject({ kind: "signal", signal: { name: `S${id}` } });
    }
    expect(findSignal(table, "powertrain/Frame123@0x123.S2")).toMatchObject({ signal: { factor: 0.5, offset: -40 } });
    expect(table.bus("powertrain").find(0x123, true)?.firstSignal).toBe(2);
  });

  it("leaves out what is on an interface that is no bus", () => {
    const { sources, refused, names } = manifestTable(manifestOf(canSignal({ interface_id: "can7" })), PLACES);
    expect(sources).toEqual([]);
    expect([...names]).toEqual([]);
    expect(refused).toEqual([{ entry: "signal 10", problem: "no bus of this vehicle is interface can7" }]);
  });
});
