import { mkdtempSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Outbox, RecordDraft } from "../../../agent/ports/outbox.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openOutbox } from "../../../drivers/sqlite/outbox/outbox.ts";

/** What is left free on the disk, however large the outbox becomes. */
const SPARE_BYTES = 4_000_000_000;
const quiet = (): void => undefined;

/** A log that nobody reads. */
export const quietLog = { error: quiet, warn: quiet, info: quiet, debug: quiet };

/** Runs `work` in a folder of its own, which is gone afterwards. Throws before that where its disk has not `bytes` and some more. */
export async function inOutboxFolder<T>(bytes: number, work: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  try {
    const { bavail, bsize } = statfsSync(folder);
    const freeBytes = bavail * bsize;
    if (freeBytes < bytes + SPARE_BYTES)
      throw new Error(`${folder} has ${freeBytes} bytes free, not ${bytes} and ${SPARE_BYTES} to spare; set TMPDIR`);
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Opens `outbox.db` of the folder. `maxBytes`: bound of its payloads. */
export function openIn(folder: string, maxBytes: number): Outbox {
  return openOutbox({ file: fileIn(folder), maxBytes, clock: systemClock(), log: quietLog }).outbox;
}

export function fileIn(folder: string): string {
  return join(folder, "outbox.db");
}

/** Of the database without its log. */
export function fileBytesIn(folder: string): number {
  return statSync(fileIn(folder), { throwIfNoEntry: false })?.size ?? 0;
}

/** A telemetry record with a payload of `bytes`; what is in it costs nobody anything. */
export function draftOf(bytes: number): RecordDraft {
  const payload = new Uint8Array(bytes).map((_, index) => (index * 131) & 0xff);
  return {
    stream: "telemetry",
    encoding: "zstd",
    timeQuality: "ntp",
    lifeMs: undefined,
    retainKey: undefined,
    seal: () => payload,
  };
}
