import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { RecordDraft } from "../../../../agent/ports/outbox.ts";
import { systemClock } from "../../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../../drivers/sqlite/outbox/outbox.ts";

const RECORDS_A_COMMIT = 500;
/** A record of one second of 150 signals each 100 ms. */
const PAYLOAD_BYTES = 1500;
/** Begin of a zstd frame (RFC 8878, 3.1.1). */
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
const MAX_BYTES = 256_000_000;

/** Stores so many telemetry records in the outbox of `stateDir`, as one that was long without a link has them. Nobody else may have it open. */
export function fillOutbox(stateDir: string, records: number): void {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const quiet = (): void => undefined;
  const log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
  const file = join(stateDir, "outbox.db");
  const { outbox } = openOutbox({ file, maxBytes: MAX_BYTES, clock: systemClock(), log });
  try {
    for (let stored = 0; stored < records; stored += RECORDS_A_COMMIT) {
      const count = Math.min(RECORDS_A_COMMIT, records - stored);
      outbox.append(Array.from({ length: count }, (_, at) => draftOf(stored + at)));
    }
  } finally {
    outbox.close();
  }
}

function draftOf(number: number): RecordDraft {
  return {
    stream: "telemetry",
    encoding: "zstd",
    timeQuality: "ntp",
    lifeMs: undefined,
    retainKey: undefined,
    seal: () => {
      const payload = new Uint8Array(PAYLOAD_BYTES).map((_, index) => (index * 131 + number) & 0xff);
      payload.set(ZSTD_MAGIC);
      return payload;
    },
  };
}
