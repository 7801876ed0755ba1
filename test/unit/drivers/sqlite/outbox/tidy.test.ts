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

  it("is small again when next to nothing is left, with that in it", () => {
    const { fileBytes, seqs } = drained(200);
    expect(fileBytes).toBeLessThan(3_000_000);
    expect(seqs[0]).toBe(3801);
    expect(seqs).toHaveLength(200);
  });
});
