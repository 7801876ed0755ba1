import { join } from "node:path";
import type { Clock, ClockQuality } from "../../../agent/core/clock.ts";
import { composeFiles } from "../../../agent/daemon/compose-files.ts";
import type { FilesLine } from "../../../agent/daemon/parts.ts";
import type { Notice } from "../../../agent/telemetry/record/encode/events.ts";
import type { UploadedFile } from "../../../agent/telemetry/record/encode/uploaded-file.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { openJournal } from "../../../drivers/sqlite/journal/journal.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import type { MemoryLog } from "../core/log.ts";
import { FakeBroker } from "../ports/broker.ts";

const SPEED = 50;

/** Waiting takes a fiftieth of its time. */
export function fastClock(quality: () => ClockQuality = () => "ntp"): Clock {
  const real = systemClock();
  return {
    ...real,
    monotonicMs: () => real.monotonicMs() * SPEED,
    boottimeMs: () => real.boottimeMs() * SPEED,
    sleep: (ms, signal) => real.sleep(ms / SPEED, signal),
    wallUs: () => real.wallUs(),
    quality,
  };
}

/** What the agent's part for uploads is started with; records and notices that it tells go into the lists. */
export type FilesStart = Pick<Parameters<typeof composeFiles>[0], "settings" | "identity"> & {
  readonly config: Parameters<typeof composeFiles>[0]["loaded"]["config"];
  readonly uploaded: UploadedFile[];
  readonly notices: Notice[];
  readonly log: MemoryLog;
  readonly clock: Clock;
};

/** The part, and its end: it stops, and its journal is closed. */
export type RunningFiles = { readonly line: FilesLine; stop(): Promise<void> };

/** Starts the agent's part for uploads, with the journal as it is on the disk. */
export async function startFiles(start: FilesStart): Promise<RunningFiles> {
  const { settings, identity, config, uploaded, notices, log, clock } = start;
  const ledger = { maxCommands: 100, maxReads: 100, maxRefused: 100, keepMs: 3_600_000 };
  const journal = openJournal({ ...ledger, file: join(config.stateDir, "journal.db"), clock, log });
  const line = await composeFiles(
    {
      settings,
      loaded: { config },
      identity,
      line: {
        records: { uploadedFiles: sinkOf(uploaded), notices: sinkOf(notices) },
        loggedFile: () => "00002-0001.log",
      },
      broker: new FakeBroker({ clock }),
      links: undefined,
      sleep: undefined,
      journal,
    },
    { clock, log, random: seededRandom(18), environment: {} },
  );
  if (line === undefined) throw new Error("no uploads");
  await line.service.start();
  return {
    line,
    stop: async () => {
      await line.service.stop();
      journal.close();
    },
  };
}

function sinkOf<T>(taken: T[]) {
  return { handOver: (some: readonly T[]) => void taken.push(...some), hasRoom: () => true, isStored: () => true };
}
