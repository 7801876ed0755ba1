import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  TUNNEL_EVENTS,
  type TunnelEvent,
  type TunnelTotals,
} from "../../../../../agent/telemetry/record/encode/tunnel-event.ts";
import { createRecordReader } from "../../../../../agent/telemetry/record/read/record-reader.ts";
import { readDescriptor } from "../../../../../config/proto/descriptor.ts";
import { encoderOf, idOf } from "../../../../fakes/telemetry/samples.ts";
import { tableOf } from "../../../../fakes/telemetry/table.ts";

const SEED = 1840;
const reader = createRecordReader(readDescriptor());
const encoder = encoderOf(tableOf([]));

const name = fc.string({ maxLength: 40 });
const small = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const large = fc.integer({ min: 0, max: 2 ** 53 - 1 });
const totals = fc.record({
  connections: small,
  connects: small,
  refused: large,
  ignored: large,
  untold: large,
}) satisfies fc.Arbitrary<TunnelTotals>;
const event = fc.record({
  event: fc.constantFrom(...TUNNEL_EVENTS),
  tunnel: name,
  number: small,
  origin: name,
  services: fc.array(name, { maxLength: 64 }),
  region: name,
  connection: small,
  bytesIn: large,
  bytesOut: large,
  lastedMs: large,
  reason: name,
  detail: name,
  counts: fc.option(totals, { nil: undefined }),
  untold: large,
  timeUs: fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
}) satisfies fc.Arbitrary<TunnelEvent>;

describe("records of tunnels", () => {
  it("are read as they were written", () => {
    const events = fc.property(event, (one) => {
      const draft = encoder.tunnelEvent(one);
      expect(draft.stream).toBe("event");
      expect(reader.decode(draft.seal(idOf(1, "event"))).body).toEqual({ kind: "tunnel-event", ...one });
    });
    fc.assert(events, { seed: SEED });
  });

  it("have cut texts, however long those of a notification are", () => {
    const long = "x".repeat(5000);
    const facts = { event: "refused", tunnel: "", number: 0, origin: "notification", connection: 0 } as const;
    const none = { bytesIn: 0, bytesOut: 0, lastedMs: 0, counts: undefined, untold: 0, timeUs: 0 };
    const texts = { services: Array<string>(100).fill(long), region: long, reason: "region", detail: long };
    const draft = encoder.tunnelEvent({ ...facts, ...none, ...texts });
    const { body } = reader.decode(draft.seal(idOf(1, "event")));
    const cut = "x".repeat(256);
    expect(body).toMatchObject({ region: cut, detail: cut, services: Array<string>(64).fill(cut) });
  });
});
