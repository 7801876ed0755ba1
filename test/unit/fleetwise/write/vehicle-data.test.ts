import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  encodeVehicleData,
  eventIdOf,
  type VehicleData,
  vehiclePayloads,
} from "../../../../agent/fleetwise/write/vehicle-data.ts";
import { snappyBytes } from "../../../bench/cloud/raw-snappy.ts";
import { messageFields } from "../../../fakes/fleetwise/messages.ts";

const SEED = 20_261_129;
const T0 = 1_764_374_400_000;
const DATA: VehicleData = {
  campaignSyncId: "c-1",
  manifestSyncId: "dm-1",
  eventId: 7,
  eventMs: T0,
  signals: [
    { relativeMs: -500, id: 10, value: 55 },
    { relativeMs: 0, id: 11, value: "P" },
  ],
  dtcs: { relativeMs: 0, codes: ["P0301"] },
};

/** Samples with their own relative time, in the order in which the payloads hold them. */
function timesIn(payloads: readonly Uint8Array[]): readonly unknown[] {
  return payloads.flatMap((payload) => {
    const { captured_signals: signals } = messageFields("VehicleData", payload);
    return Array.isArray(signals)
      ? signals.map(({ relative_time_ms: time }: { relative_time_ms: unknown }) => time)
      : [];
  });
}

describe("VehicleData", () => {
  // Bytes of campaigns.md, section 7, which FWE's own .proto files gave.
  it("is written in the bytes of the reference agent", () => {
    expect(Buffer.from(encodeVehicleData(DATA)).toString("hex")).toBe(
      "0a03632d311204646d2d311807208098a3e7ac332a0e08e707100a190000000000804b402a05100b220150320712055030333031",
    );
  });

  it("keeps zeros and empty texts as values", () => {
    const signals = [
      { relativeMs: 0, id: 1, value: 0 },
      { relativeMs: -0, id: 2, value: "" },
    ];
    expect(messageFields("VehicleData", encodeVehicleData({ ...DATA, signals }))).toMatchObject({
      captured_signals: [
        { signal_id: 1, double_value: 0 },
        { signal_id: 2, string_value: "" },
      ],
    });
  });

  it("has event ids of 8 bits of a counter and 23 of the time, as in FWE", () => {
    // (counter | wallMs << 8) & 0x7fffffff, with integers of 64 bits.
    const expected = (counter: bigint, wallMs: bigint) => Number(((counter & 0xffn) | (wallMs << 8n)) & 0x7fff_ffffn);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), fc.maxSafeNat(), (counter, wallMs) => {
        expect(eventIdOf(counter, wallMs)).toBe(expected(BigInt(counter), BigInt(wallMs)));
      }),
      { seed: SEED },
    );
    expect(eventIdOf(255, T0)).toBe(expected(255n, BigInt(T0)));
  });

  it(`is halved until it fits, and loses nothing (seed ${SEED})`, () => {
    const sizes = fc.array(fc.integer({ min: 0, max: 900 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(sizes, fc.boolean(), fc.boolean(), (lengths, compress, hasDtcs) => {
        const signals = lengths.map((length, at) => ({ relativeMs: at + 1, id: 1, value: "x".repeat(length) }));
        const data = { ...DATA, signals, dtcs: hasDtcs ? DATA.dtcs : undefined };
        const { payloads, dropped } = vehiclePayloads(data, { compress, maxBytes: 1000 });
        expect(dropped).toBe(0);
        expect(payloads.every(({ length }) => length <= 1000)).toBe(true);
        const plain = compress ? payloads.map(snappyBytes) : payloads;
        expect(timesIn(plain)).toEqual(signals.map(({ relativeMs }) => BigInt(relativeMs)));
        const fields = plain.map((payload) => messageFields("VehicleData", payload));
        expect(fields.every(({ collection_event_id: id }) => id === 7)).toBe(true);
        expect(fields.filter(({ dtc_data: dtcs }) => dtcs !== undefined)).toHaveLength(hasDtcs ? 1 : 0);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  it("counts a sample that is too large by itself, and sends the others", () => {
    const signals = ["a", "b".repeat(2000), "c"].map((value, at) => ({ relativeMs: at, id: 1, value }));
    const { payloads, dropped } = vehiclePayloads({ ...DATA, signals }, { compress: false, maxBytes: 1000 });
    expect(dropped).toBe(1);
    expect(timesIn(payloads)).toEqual([undefined, 2n]);
  });
});
