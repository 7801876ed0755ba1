import { statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { openOutbox } from "../../../../../drivers/sqlite/outbox/outbox.ts";
import { draftOf } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

/** Header and pages of a write-ahead log (sqlite.org/fileformat2.html, 4.1). */
const LOG_HEADER_BYTES = 32;
const FRAME_BYTES = 24 + 1024;
const ROUNDS = 40;

describe("what a commit writes", () => {
  it.each([
    // The leaf of the record, its place in the index, and the totals of the streams.
    { bytes: 600, pages: 3 },
    // Eight further pages of payload, and with them the header and the map of pages, which say that they are in use.
    { bytes: 9000, pages: 13 },
  ])("is $pages pages for a record of $bytes bytes, with the one before forgotten", ({ bytes, pages }) => {
    const file = join(temporaryFolder(), "outbox.db");
    const { outbox } = openOutbox({ file, maxBytes: 100_000_000, clock: new ManualClock(), log: new MemoryLog() });
    onTestFinished(() => outbox.close());
    const framesNow = (): number => (statSync(`${file}-wal`).size - LOG_HEADER_BYTES) / FRAME_BYTES;
    const round = (): void => {
      const before = outbox.lastRow();
      outbox.append([draftOf("telemetry", bytes)], [], before === 0 ? [] : [before]);
    };
    // What is freed is used again from the first rounds on.
    for (let count = 0; count < ROUNDS; count++) round();
    const before = framesNow();
    for (let count = 0; count < ROUNDS; count++) round();
    expect((framesNow() - before) / ROUNDS).toBeLessThanOrEqual(pages);
  });
});
