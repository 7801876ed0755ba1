import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { startChild } from "../core/child.ts";
import { parseLine } from "../core/line-protocol.ts";

/** What `processes/outbox-line.ts` does: records at a steady rate into the outbox, and from there to a broker. */
export const outboxLineOptions = z.object({
  /** Of the outbox. */
  file: z.string(),
  /** Appends a second, one record and one commit each, and its payload bytes. */
  ingest: z.object({ perSecond: z.number().positive(), bytes: z.int().positive() }),
  /** Measured after a second that is not; until nothing is left of the backlog when absent. */
  seconds: z.number().optional(),
  /** Offline when absent. */
  broker: z
    .object({
      thing: z.string(),
      port: z.int(),
      caFile: z.string(),
      certificateFile: z.string(),
      keyFile: z.string(),
    })
    .optional(),
});
export type OutboxLineOptions = z.infer<typeof outboxLineOptions>;

const percentiles = z.object({ p50: z.number(), p99: z.number(), max: z.number() });

/** What it measured. */
const outboxLineFigures = z.object({
  seconds: z.number(),
  /** PUBACKs of records that were stored before the start, and of those since. */
  backlogRecords: z.int(),
  freshRecords: z.int(),
  /** Of a fresh record from stored to its PUBACK; absent where none came. */
  freshDelayMs: percentiles.optional(),
  /** How late a timer of 1 ms is (`perf_hooks.monitorEventLoopDelay`). */
  loopDelayMs: percentiles,
  peakRssBytes: z.number(),
  cpuMicros: z.number(),
  /** Payload of the records that were stored, and what this process wrote to disks (write_bytes of proc_pid_io(5)). */
  storedBytes: z.number(),
  writtenBytes: z.number(),
});
export type OutboxLineFigures = z.infer<typeof outboxLineFigures>;

const ENTRY = fileURLToPath(new URL("../processes/outbox-line.ts", import.meta.url));

/** Of the package, but that the sources are read as they are. */
const NODE_OPTIONS = ["--max-semi-space-size=2"];

/** Runs the line in a process of its own. Throws when it fails; what it said is in `folder`/line.log. */
export async function runOutboxLine(folder: string, options: OutboxLineOptions): Promise<OutboxLineFigures> {
  let figures: OutboxLineFigures | undefined;
  const logFile = join(folder, "line.log");
  const child = await startChild({
    command: process.execPath,
    args: [...NODE_OPTIONS, ENTRY, JSON.stringify(options)],
    logFile,
    onLine: (line) => {
      figures = parseLine(outboxLineFigures, line);
    },
  });
  const { code } = await child.ended;
  if (figures === undefined) throw new Error(`the outbox line ended with ${code} and said nothing: ${logFile}`);
  return figures;
}
