import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { BlockWriter } from "../../../drivers/os/download/block-writer.ts";
import { requestRange } from "../../../drivers/os/download/https-source.ts";
import { PartialFile } from "../../../drivers/os/download/partial-file.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { benchmarkDownloader, type DownloadRun, downloadOrder, type Work } from "../benchmarks/download-benchmark.ts";

const PIECE_BYTES = 65_536;
const BLOCK_BYTES = 262_144;
const MEBIBYTE = 1_048_576;
const never = new AbortController().signal;
const quiet = (): void => undefined;

/** Does a download, or a part of what it takes, in this process, which does nothing else, and prints what it took as one line of JSON. */
const order = downloadOrder.parse(JSON.parse(process.argv[2] ?? ""));
const { url, folder, sizeBytes, sha256 } = order;
const ca = readFileSync(order.caFile, "utf8");
const target = {
  name: "artifact",
  version: "1",
  file: join(folder, "artifact"),
  sizeBytes,
  sha256,
};
const WORK: Readonly<Record<Work, () => Promise<void>>> = {
  all: download,
  network: () => receive(async () => undefined),
  "network-write": async () => {
    await using file = await open(target.file, "wx");
    const writer = new BlockWriter(file, BLOCK_BYTES);
    await receive((piece) => writer.append(piece));
    await writer.drain();
  },
  hash: async () => {
    const hash = createHash("sha256");
    for (const piece of pieces()) hash.update(piece);
    hash.digest();
  },
  "hash-write-sync": async () => {
    const partial = await PartialFile.open(target, systemClock());
    for (const piece of pieces()) await partial.append(piece);
    await partial.sync();
    await partial.close();
  },
};

async function download(): Promise<void> {
  const log = { error: quiet, warn: quiet, info: quiet, debug: quiet };
  const outcome = await benchmarkDownloader(ca, log).download({ kind: "url", url }, target, see, never);
  if (outcome.kind !== "complete") throw new Error(`the download is ${outcome.kind}`);
}

async function receive(take: (piece: Uint8Array) => Promise<void>): Promise<void> {
  const answer = await requestRange({ url, offset: 0, ca, proxyFor: () => undefined, idleMs: 5000 }, never);
  if (answer.kind !== "bytes") throw new Error(`the server answers ${answer.kind}`);
  for await (const piece of answer.body) await take(piece);
  answer.end();
}

function* pieces(): Generator<Uint8Array> {
  const piece = new Uint8Array(PIECE_BYTES).fill(0x5a);
  for (let at = 0; at < sizeBytes; at += PIECE_BYTES) yield piece.subarray(0, sizeBytes - at);
}

let seenBytes = 0;
let peakBytes = 0;

/** Resident memory, looked at each MiB. */
function see(bytes: number): void {
  if (bytes < seenBytes + MEBIBYTE) return;
  seenBytes = bytes;
  peakBytes = Math.max(peakBytes, process.memoryUsage.rss());
}

const beforeBytes = process.memoryUsage.rss();
const delays = monitorEventLoopDelay({ resolution: 1 });
delays.enable();
const cpu = process.cpuUsage();
const startMs = performance.now();
await WORK[order.work]();
const ms = performance.now() - startMs;
const { user, system } = process.cpuUsage(cpu);
delays.disable();
const run: DownloadRun = {
  ms,
  cpuMs: (user + system) / 1000,
  loopP99Ms: delays.percentile(99) / 1e6,
  loopMaxMs: delays.max / 1e6,
  rssGrowthMB: Math.max(0, peakBytes - beforeBytes) / 1e6,
};
process.stdout.write(`${JSON.stringify(run)}\n`);
