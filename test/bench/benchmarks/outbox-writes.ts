import { join } from "node:path";
import { openRoad } from "./outbox-drain.ts";
import { fileIn, inOutboxFolder } from "./outbox-folder.ts";
import { type OutboxLineOptions, runOutboxLine } from "./outbox-line.ts";
import { type Spread, spreadOf } from "./timing.ts";

/** What goes to the disk for a byte of payload that is stored at a steady rate. */
export type WriteFigures = {
  readonly name: string;
  readonly perSecond: number;
  readonly bytes: number;
  readonly isOnline: boolean;
  readonly writtenPerPayloadByte: Spread;
};

/** One record a commit: 150 signals each 100 ms in a second, some that change faster, and those in the quarter of one. */
const RATES = [
  { perSecond: 1, bytes: 2300 },
  { perSecond: 1, bytes: 10_000 },
  { perSecond: 4, bytes: 3200 },
] as const;

/** Stores at each rate online, where records leave at once, and offline, in turns. Log, database and watermark count, as the kernel counts what this process writes. */
export async function benchmarkWrites(rounds: number, seconds: number): Promise<readonly WriteFigures[]> {
  return await inOutboxFolder(1e9, async (folder) => {
    const road = await openRoad(folder);
    try {
      const cases = RATES.flatMap((ingest) => [
        { ingest, broker: road.broker },
        { ingest, broker: undefined },
      ]);
      const runs = cases.map((): number[] => []);
      for (let round = 0; round < rounds; round += 1)
        for (const [at, one] of cases.entries()) runs[at].push(await runOnce(folder, one, at, seconds));
      return cases.map(({ ingest, broker }, at) => ({
        name: `${ingest.perSecond} commits/s of ${ingest.bytes} bytes, ${broker === undefined ? "offline" : "online"}`,
        ...ingest,
        isOnline: broker !== undefined,
        writtenPerPayloadByte: spreadOf(runs[at]),
      }));
    } finally {
      await road.close();
    }
  });
}

async function runOnce(
  folder: string,
  { ingest, broker }: Pick<OutboxLineOptions, "ingest" | "broker">,
  at: number,
  seconds: number,
): Promise<number> {
  const file = fileIn(join(folder, `${at}`));
  const { writtenBytes, storedBytes } = await runOutboxLine(folder, { file, ingest, seconds, broker });
  return writtenBytes / storedBytes;
}
