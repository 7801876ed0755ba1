import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openOutbox } from "../../../../../drivers/sqlite/outbox/outbox.ts";
import { draftOf } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const ALL = Number.MAX_SAFE_INTEGER;
const RECORDS = 4000;
const PAYLOAD_BYTES = 3000;
const ACKED_TOGETHER = 200;

/** The bytes of the file after a backlog of 12 MB of which all but `left` records were forgotten, the oldest first, and the records that it has then. */
function drained(left: number): { readonly fileBytes: number; readonly seqs: readonly number[] } {
  const file = join(temporaryFolder(), "outbox.db");
  const settings = { file, maxBytes: 50_000_000, clock: new ManualClock(), log: new MemoryLog() };
  const { outbox } = openOutbox(settings);
  outbox.append(Array.from({ length: RECORDS }, () => draftOf("telemetry", PAYLOAD_BYTES)));
  for (let acked = 0; acked < RECORDS - left; acked += ACKED_TOGETHER)
    outbox.ack(outbox.read("telemetry", 0, ALL, ACKED_TOGETHER, ALL).map(({ row }) => row));
  outbox.append([draftOf("event", 10)]);
  outbox.close();
  const { size } = statSync(file);
  const again = openOutbox(settings).outbox;
  const seqs = again.read("telemetry", 0, ALL, RECORDS, ALL).map(({ seq }) => seq);
  again.close();
  return { fileBytes: size, seqs };
}

describe("the file of an outbox", () => {
  it("stays as it is while a backlog drains, so that nothing of what is left is written again", () => {
    const { fileBytes, seqs } = drained(1000);
    expect(fileBytes).toBeGreaterThan(RECORDS * PAYLOAD_BYTES);
    expect(seqs[0]).toBe(3001);
    expect(seqs).toHaveLength(1000);
  });

  it.each([
    { name: "is small enough to be written again", captures: 400, payloadBytes: 3000, mostShare: 0.15 },
    { name: "is not, and gives back a few pages each time", captures: 90, payloadBytes: 100_000, mostShare: 0.95 },
  ])("becomes smaller where what stays $name", ({ captures, payloadBytes, mostShare }) => {
    const file = join(temporaryFolder(), "outbox.db");
    const settings = { file, maxBytes: 300_000_000, clock: new ManualClock(), log: new MemoryLog() };
    const { outbox } = openOutbox(settings);
    outbox.append(Array.from({ length: captures }, () => draftOf("capture", payloadBytes)));
    for (let part = 0; part < 10; part += 1)
      outbox.append(Array.from({ length: captures }, () => draftOf("telemetry", payloadBytes)));
    for (let part = 0; part < 100; part += 1)
      outbox.ack(outbox.read("telemetry", 0, ALL, captures / 10, ALL).map(({ row }) => row));
    expect(outbox.list(undefined, captures + 1)).toHaveLength(captures);
    for (let at = 0; at < 200; at += 1) {
      outbox.append([draftOf("event", 10)]);
      outbox.ack(outbox.read("event", 0, ALL, 1, ALL).map(({ row }) => row));
    }
    outbox.close();
    expect(statSync(file).size).toBeLessThan(11 * captures * payloadBytes * mostShare);
    const again = openOutbox(settings).outbox;
    const kept = again.read("capture", 0, ALL, captures, ALL);
    again.close();
    expect(kept.map(({ seq }) => seq)).toEqual(Array.from({ length: captures }, (_, index) => index + 1));
  });

  it("is small again when next to nothing is left, with that in it", () => {
    const { fileBytes, seqs } = drained(200);
    expect(fileBytes).toBeLessThan(3_000_000);
    expect(seqs[0]).toBe(3801);
    expect(seqs).toHaveLength(200);
  });
});
