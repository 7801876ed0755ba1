import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { RecordDraft, RecordId, StreamName } from "../../../agent/ports/outbox.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";
import { type Delivery, DeliveryAccount } from "../../bench/consumers/delivery-account.ts";
import { readOutbox } from "../../bench/consumers/outbox-reader.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

function draft(stream: StreamName): RecordDraft {
  return {
    stream,
    encoding: "identity",
    timeQuality: "ntp",
    lifeMs: undefined,
    retainKey: undefined,
    seal: () => new Uint8Array(8),
  };
}

function deliveryOf(id: RecordId): Delivery {
  return { ...id, consumer: "a", thing: "veh", samples: 1, bytes: 8, copies: false, standsFor: [] };
}

describe("the bench's account of a real outbox", () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-account-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  it("misses the record that left the outbox and came to nobody, and the last one that is still in it", () => {
    const file = join(folder, "outbox.db");
    const { outbox } = openOutbox({ file, maxBytes: 1_000_000, clock: new ManualClock(), log: new MemoryLog() });
    const ids = outbox.append([draft("telemetry"), draft("event"), draft("telemetry"), draft("telemetry")]);
    const rows = outbox.read("telemetry", 0, outbox.lastRow(), 10, 1_000_000).map(({ row }) => row);
    const [event] = outbox.read("event", 0, outbox.lastRow(), 10, 1_000_000);
    outbox.ack([rows[0], rows[1], event.row]);
    outbox.close();

    const ledger = new DeliveryAccount();
    for (const id of [ids[0], ids[1]]) ledger.note(deliveryOf(id));
    const { lastSeqs, records } = readOutbox(file);
    expect(records).toBe(1);
    const [{ epoch }] = ids;
    expect(ledger.gaps(lastSeqs)).toEqual({
      missing: 2,
      reportedLost: 0,
      thinned: 0,
      unknown: 0,
      examples: [`${epoch}/telemetry/2`, `${epoch}/telemetry/3`],
    });
  });

  it("finds nothing in a folder where no agent has run", () => {
    expect(readOutbox(join(folder, "none.db"))).toEqual({ lastSeqs: [], records: 0 });
  });
});
