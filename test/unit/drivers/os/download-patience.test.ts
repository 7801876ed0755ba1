import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import type { DownloadOutcome, FileSource, RangeAnswer } from "../../../../agent/ports/update.ts";
import { createDownloader } from "../../../../drivers/os/download/download.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const MINUTE_MS = 60_000;
const CONTENT = new Uint8Array(300_000).fill(7);
const PIECE_BYTES = 100_000;
const SETTINGS = {
  maxBytesPerSecond: undefined,
  minBytesPerSecond: 0,
  minRateWindowMs: MINUTE_MS,
  giveUpMs: 10 * MINUTE_MS,
  maxRepeats: 10,
  reconnect: { minMs: 1000, maxMs: MINUTE_MS },
  spareBytes: 0,
};

/** A server that gives a piece of the rest a connection, while it gives anything. */
class Server implements FileSource {
  isGiving = false;
  requests = 0;

  async open(_source: unknown, offset: number): Promise<RangeAnswer> {
    this.requests += 1;
    if (!this.isGiving) return { kind: "unavailable", detail: "no coverage" };
    const body = pieces(CONTENT.subarray(offset, offset + PIECE_BYTES));
    return { kind: "bytes", offset, totalBytes: CONTENT.length, validator: "1", body, end: () => undefined };
  }
}

async function* pieces(piece: Uint8Array): AsyncGenerator<Uint8Array> {
  yield piece;
}

let clock: ManualClock;
let server: Server;
let file: string;

beforeEach(() => {
  clock = new ManualClock();
  server = new Server();
  file = join(temporaryFolder(), "artifact");
});

/** A process that downloads for so long at most, and is then ended. The clock stands still while it waits for the disk alone. */
async function start(forMs: number): Promise<DownloadOutcome> {
  const downloader = createDownloader({
    settings: SETTINGS,
    ca: undefined,
    proxyFor: () => undefined,
    streams: server,
    clock,
    log: new MemoryLog(),
    random: () => 0.999,
  });
  const sha256 = createHash("sha256").update(CONTENT).digest("hex");
  const artifact = { name: "artifact", version: "1", sizeBytes: CONTENT.length, sha256, file };
  const source = { kind: "stream", streamId: "s", fileId: 0 } as const;
  const stop = new AbortController();
  const before = server.requests;
  let outcome: DownloadOutcome | undefined;
  const running = downloader
    .download(source, artifact, () => undefined, stop.signal)
    .then((ended) => (outcome = ended));
  while (server.requests === before) await new Promise((resolve) => setImmediate(resolve));
  let ms = 0;
  while (ms < forMs && outcome === undefined) {
    const isAsleep = clock.waiting() > 0;
    if (isAsleep) ms += 1000;
    await clock.run(isAsleep ? 1000 : 0);
  }
  stop.abort();
  return await running;
}

describe("the patience of a download", () => {
  it("is one for all starts: a vehicle that starts every day gives up too, and another try has all of it again", async () => {
    let starts = 1;
    for (; starts < 20; starts += 1) if ((await start(4 * MINUTE_MS)).kind === "failed") break;
    expect(starts).toBeGreaterThan(2);
    expect(starts).toBeLessThan(8);
    expect(await start(4 * MINUTE_MS)).toEqual({ kind: "stopped" });
  });

  it("begins again with each new byte", async () => {
    await start(MINUTE_MS);
    const noted: unknown = JSON.parse(readFileSync(`${file}.part`, "utf8"));
    writeFileSync(`${file}.part`, JSON.stringify({ ...Object(noted), idleMs: SETTINGS.giveUpMs - 1 }));
    server.isGiving = true;
    expect(await start(10 * MINUTE_MS)).toEqual({ kind: "complete" });
  });
});
