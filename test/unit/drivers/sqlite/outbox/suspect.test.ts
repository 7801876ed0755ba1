import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import type { RecordId } from "../../../../../agent/ports/outbox.ts";
import { type OpenedOutbox, type OutboxSizes, openOutbox } from "../../../../../drivers/sqlite/outbox/outbox.ts";
import { draftOf, takeLosses } from "../../../../contract/outbox-subject.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const ALL = Number.MAX_SAFE_INTEGER;

function open(file: string, sizes: Partial<OutboxSizes> = {}): OpenedOutbox {
  const opened = openOutbox({ file, maxBytes: 10_000_000, clock: new ManualClock(), log: new MemoryLog(), sizes });
  onTestFinished(() => opened.outbox.close());
  return opened;
}

/** An outbox file with 60 records, in which something was found damaged while it was in use. */
function suspect(): { readonly file: string; readonly ids: readonly RecordId[] } {
  const file = join(temporaryFolder(), "outbox.db");
  const { outbox } = open(file);
  const ids = outbox.append(Array.from({ length: 60 }, () => draftOf("telemetry", 3000)));
  outbox.close();
  writeFileSync(`${file}.check`, "");
  return { file, ids };
}

describe("an outbox file in which damage was found", () => {
  it("is kept where it is small enough for a whole check and passes it", () => {
    const { file } = suspect();
    expect(open(file).quarantined).toBeUndefined();
    expect(existsSync(`${file}.check`)).toBe(false);
  });

  it("is salvaged where it is too large for one, so that no start waits for that, and loses nothing that can be read", () => {
    const { file, ids } = suspect();
    const { outbox, quarantined } = open(file, { suspectBytes: 1000 });
    expect(quarantined).toBe(`${file}.damaged-1`);
    expect(existsSync(`${file}.check`)).toBe(false);
    const found = outbox.read("telemetry", 0, ALL, 100, ALL);
    expect(found.map(({ epoch, stream, seq }) => ({ epoch, stream, seq }))).toEqual(ids);
    expect(takeLosses(outbox)).toEqual([]);
    expect(existsSync(`${file}.damaged-1`)).toBe(false);
  });
});
