import { describe, expect, it } from "vitest";
import { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import type { EncodedDraft } from "../../../agent/telemetry/record/encode/record-sealer.ts";
import { TableAnnouncement } from "../../../agent/telemetry/table-announcement.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { tableOf } from "../../fakes/telemetry/table.ts";

/** A table of about 2 kB before a broker that takes `takes.bytes`. */
function bench() {
  const names = Array.from({ length: 50 }, (_, at) => ({ name: `Signal${at}` }));
  const takes = { bytes: 120_000 };
  const encoder = new Encoder({
    thing: "truck-1",
    bootId: "00112233445566778899aabbccddeeff",
    table: tableOf([{ name: "Engine", signals: names }]),
    clock: new ManualClock(),
    settings: { compression: "none", maxPayloadBytes: 120_000, timeResolutionUs: 1, lifeMs: {} },
    maxPayloadBytes: () => takes.bytes,
  });
  const added: EncodedDraft[] = [];
  const announcement = new TableAnnouncement(encoder, { add: (draft) => added.push(draft) });
  return { announcement, takes, encoder, added };
}

describe("TableAnnouncement", () => {
  it("announces the whole table in one part where it fits, and not again", () => {
    const { announcement, added } = bench();
    announcement.announce();
    announcement.announceShorter();
    expect(added).toHaveLength(1);
  });

  it("cuts the table anew for a broker that takes less than its parts, once", () => {
    const { announcement, takes, encoder, added } = bench();
    announcement.announce();
    takes.bytes = 1024;
    for (let flush = 0; flush < 3; flush += 1) announcement.announceShorter();
    const again = added.slice(1);
    expect(again.length).toBeGreaterThan(1);
    expect(new Set(again.map(({ retainKey }) => retainKey)).size).toBe(again.length);
    for (const { bodyBytes } of again) expect(bodyBytes).toBeLessThanOrEqual(encoder.maxBodyBytes);
  });

  it("leaves the table as it is where a broker takes less but the parts fit", () => {
    const { announcement, takes, added } = bench();
    announcement.announce();
    takes.bytes = 100_000;
    announcement.announceShorter();
    expect(added).toHaveLength(1);
  });

  it("does not repeat itself where a single signal is longer than any record may be", () => {
    const { announcement, takes, added } = bench();
    announcement.announce();
    takes.bytes = 1;
    announcement.announceShorter();
    const { length } = added;
    announcement.announceShorter();
    expect(added).toHaveLength(length);
  });
});
