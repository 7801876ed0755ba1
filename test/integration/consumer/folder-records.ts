import type { Delivery } from "../../../agent/consumer/store/delivery.ts";
import { storeReader } from "../../fakes/consumer/folder-store.ts";
import { encoderOf, idOf, logOf } from "../../fakes/telemetry/samples.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

/** Midnight between the two days of the samples, µs since the Unix epoch. */
const MIDNIGHT_US = Date.UTC(2026, 10, 29) * 1000;
/** Samples of a record, half of them before midnight. */
export const KILL_SAMPLES = 100;

const table = tableOf([{ name: "Engine", signals: [{ name: "Speed" }, { name: "Load" }] }]);
const encoder = encoderOf(table);

function delivery(payload: Uint8Array): Delivery {
  const record = storeReader.decode(payload);
  return { record, payload, wireBytes: payload.length, receivedUs: MIDNIGHT_US, table: undefined };
}

export function killTable(): Delivery[] {
  return encoder.table().map((draft, at) => delivery(draft.seal(idOf(at + 1, "control"))));
}

/** Records `first`.. of the telemetry stream; every fourth is an event, a loss. */
export function killDeliveries(first: number, count: number): Delivery[] {
  return Array.from({ length: count }, (_, at) => {
    const seq = first + at;
    if (seq % 4 === 0) {
      const loss = { epoch: 1, stream: "event", first: seq, last: seq, reason: "evicted", detail: "" } as const;
      return delivery(encoder.loss(loss).seal(idOf(seq)));
    }
    const samples = Array.from({ length: KILL_SAMPLES }, (_none, one) => {
      return {
        signal: one % 2,
        timeUs: MIDNIGHT_US + (one - KILL_SAMPLES / 2) * 1000 + seq,
        raw: (seq * 7 + one) % 65_536,
      };
    });
    return delivery(encoder.samples(logOf(table, samples), [])[0].seal(idOf(seq)));
  });
}
