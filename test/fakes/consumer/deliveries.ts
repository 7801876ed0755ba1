import type { Delivery } from "../../../agent/consumer/store/delivery.ts";
import type { RecordTable } from "../../../agent/consumer/store/record-table.ts";
import type { DecodedRecord } from "../../../agent/telemetry/record/read/decoded-record.ts";

/** µs since the Unix epoch: 2026-01-01T00:00:00Z. */
export const NEW_YEAR_US = 1_767_225_600_000_000;

/** A record of truck-1 that holds a notice, but for what `over` says. */
export function recordOf(over: Partial<DecodedRecord> = {}): DecodedRecord {
  return {
    thing: "truck-1",
    epoch: 7,
    stream: "telemetry",
    seq: 1,
    bootId: "00112233445566778899aabbccddeeff",
    anchor: { monotonicUs: 5_000_000, wallUs: NEW_YEAR_US, quality: "ntp" },
    body: { kind: "notice", event: "test.noted", detail: "", timeUs: NEW_YEAR_US },
    ...over,
  };
}

/** A delivery of a record of truck-1 in the form of another cloud, with `payload`. */
export function foreignDelivery(seq: number, payload: Uint8Array, receivedUs: number = NEW_YEAR_US): Delivery {
  const anchor = { monotonicUs: 0, wallUs: receivedUs, quality: "unsynchronised" } as const;
  const body = { kind: "foreign", topic: "cms/fleetwise/vehicles/truck-1/signals", payload } as const;
  return { ...deliveryOf(recordOf({ seq, bootId: "", anchor, body }), undefined, receivedUs), payload };
}

/** A delivery of `record` whose payload is empty: for what does not look at it. */
export function deliveryOf(record: DecodedRecord, table?: RecordTable, receivedUs: number = NEW_YEAR_US): Delivery {
  return { record, payload: new Uint8Array(), wireBytes: 100, receivedUs, table };
}
