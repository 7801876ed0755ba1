import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import type { Log } from "../../../agent/core/log.ts";
import type { Downloader } from "../../../agent/ports/update.ts";
import { createDownloader } from "../../../drivers/os/download/download.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { TcpProxy } from "../broker/tcp-proxy.ts";
import { createAuthority, writeIdentity } from "../cloud/certificate-authority.ts";
import { startChild } from "../core/child.ts";
import { seededRandom } from "../core/seeded-random.ts";
import { ratiosOf, type Spread, spreadOf, timed } from "./timing.ts";

const SERVER = join(import.meta.dirname, "../processes/artifact-server.ts");
const DOWNLOADER = join(import.meta.dirname, "../processes/downloader.ts");
/** As the package starts the agent. */
const NODE_OPTIONS = ["--max-semi-space-size=2"];
const never = new AbortController().signal;
const run = promisify(execFile);

/** "all": a download by the agent; the others are parts of it by themselves, with bytes of memory where there is no network. */
const WORKS = ["all", "network", "network-write", "hash", "hash-write-sync"] as const;
export type Work = (typeof WORKS)[number];

/** What a process of its own is told to do. */
export const downloadOrder = z.object({
  work: z.enum(WORKS),
  url: z.string(),
  caFile: z.string(),
  folder: z.string(),
  sizeBytes: z.number(),
  sha256: z.string(),
});
type DownloadOrder = z.infer<typeof downloadOrder>;

const downloadRun = z.object({
  ms: z.number(),
  cpuMs: z.number(),
  loopP99Ms: z.number(),
  loopMaxMs: z.number(),
  rssGrowthMB: z.number(),
});

/** What that took, without the start of the process: its code is cold, as it is in an agent that begins an update. */
export type DownloadRun = z.infer<typeof downloadRun>;

/** Over the rounds. */
export type WorkFigures = Readonly<Record<keyof DownloadRun, Spread>> & {
  readonly work: Work;
};

/** One file of one server in turns, each over the rounds. */
export type DownloadFigures = {
  readonly sizeBytes: number;
  readonly all: WorkFigures;
  readonly parts: readonly WorkFigures[];
  /** As curl times itself; with sha256sum and sync -d behind it; and its processor time. */
  readonly curl: Readonly<Record<keyof CurlRun, Spread>>;
  /** The agent's time over each, round by round. */
  readonly toCurl: Spread;
  readonly toCurlHashSync: Spread;
  readonly cuts: Cuts;
};

type CurlRun = {
  readonly ms: number;
  readonly hashSyncMs: number;
  readonly cpuMs: number;
};

/** `fetchedTwice` is the share of the file that came over the network more than once. */
type Cuts = { readonly made: number; readonly fetchedTwice: number };

type Served = Omit<DownloadOrder, "work">;

/** Downloads over HTTPS on this machine: side by side with curl, and over up to `cuts` cut connections. A first round does not count. */
export async function benchmarkDownload(sizeBytes: number, rounds: number, cuts: number): Promise<DownloadFigures> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const served = join(folder, "served");
  mkdirSync(served);
  const authority = createAuthority(join(folder, "ca"));
  const subjectAltNames = [{ kind: "ip", value: "127.0.0.1" }] as const;
  const issued = await authority.issue({
    commonName: "artifacts",
    subjectAltNames,
    usage: "server",
  });
  const { certificateFile, keyFile } = writeIdentity(join(folder, "server"), "server", issued);
  const url = Promise.withResolvers<string>();
  // In a process of its own: neither side of the comparison shares its thread with the server.
  const server = await startChild({
    command: process.execPath,
    args: [SERVER, served, certificateFile, keyFile],
    logFile: join(folder, "server.log"),
    onLine: (line) => url.resolve(line),
  });
  const { port } = new URL(await url.promise);
  const proxy = new TcpProxy({ host: "127.0.0.1", port: Number(port) });
  try {
    const sha256 = makeArtifact(served, sizeBytes);
    const parts = {
      folder,
      url: await url.promise,
      caFile: authority.caFile,
      sizeBytes,
      sha256,
    };
    const measured = await measure(parts, rounds);
    return {
      sizeBytes,
      ...measured,
      cuts: await fetchOverCuts(parts, proxy, cuts),
    };
  } finally {
    await proxy.stop();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

function makeArtifact(served: string, sizeBytes: number): string {
  const random = seededRandom(1);
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at + 4 <= sizeBytes; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  writeFileSync(join(served, "artifact"), bytes);
  return createHash("sha256").update(bytes).digest("hex");
}

async function measure(served: Served, rounds: number): Promise<Omit<DownloadFigures, "sizeBytes" | "cuts">> {
  const curls: CurlRun[] = [];
  const runs = new Map<Work, DownloadRun[]>(WORKS.map((work) => [work, []]));
  for (let round = 0; round <= rounds; round += 1) {
    const curl = await fetchWithCurl(served);
    if (round > 0) curls.push(curl);
    for (const work of WORKS) {
      const done = await runWork({ ...served, work });
      if (round > 0) runs.get(work)?.push(done);
    }
  }
  const figures = WORKS.map((work) => figuresOf(work, runs.get(work) ?? []));
  const [all, ...parts] = figures;
  const of = (key: keyof CurlRun): number[] => curls.map((curl) => curl[key]);
  const agentMs = runs.get("all")?.map(({ ms }) => ms) ?? [];
  return {
    all,
    parts,
    curl: {
      ms: spreadOf(of("ms")),
      hashSyncMs: spreadOf(of("hashSyncMs")),
      cpuMs: spreadOf(of("cpuMs")),
    },
    toCurl: ratiosOf(agentMs, of("ms")),
    toCurlHashSync: ratiosOf(agentMs, of("hashSyncMs")),
  };
}

function figuresOf(work: Work, runs: readonly DownloadRun[]): WorkFigures {
  const over = (of: keyof DownloadRun): Spread => spreadOf(runs.map((one) => one[of]));
  return {
    work,
    ms: over("ms"),
    cpuMs: over("cpuMs"),
    loopP99Ms: over("loopP99Ms"),
    loopMaxMs: over("loopMaxMs"),
    rssGrowthMB: over("rssGrowthMB"),
  };
}

async function runWork(order: DownloadOrder): Promise<DownloadRun> {
  const folder = mkdtempSync(join(order.folder, "work-"));
  try {
    const args = [...NODE_OPTIONS, DOWNLOADER, JSON.stringify({ ...order, folder })];
    const { stdout } = await run(process.execPath, args);
    return downloadRun.parse(JSON.parse(stdout));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** bash's `time` gives what the kernel counts for the child. */
async function fetchWithCurl({ folder, url, caFile }: Served): Promise<CurlRun> {
  const file = join(folder, "curl");
  const script = `TIMEFORMAT="%U %S"; time curl "$@"`;
  const args = ["--silent", "--show-error", "--fail", "--cacert", caFile, "--output", file];
  const told = await run("bash", ["-c", script, "bash", ...args, "--write-out", "%{time_total}", url], {
    env: { ...process.env, LC_ALL: "C" },
  });
  const ms = Number(told.stdout) * 1000;
  const [user, system] = told.stderr.trim().split(" ").map(Number);
  const behindMs = await timed(async () => {
    await run("sha256sum", [file]);
    await run("sync", ["--data", file]);
  });
  rmSync(file);
  return { ms, hashSyncMs: ms + behindMs, cpuMs: (user + system) * 1000 };
}

/** Cuts spread over the file. Fewer are made where much is still in the buffers behind a cut. */
async function fetchOverCuts(served: Served, proxy: TcpProxy, cuts: number): Promise<Cuts> {
  const url = new URL(served.url);
  url.port = String(await proxy.start());
  const { sizeBytes } = served;
  let made = 0;
  let nextCut = sizeBytes / (cuts + 1);
  const onProgress = (bytes: number): void => {
    // What came before the last cut may still be read after it: only a new connection can be cut again.
    if (made === cuts || bytes < nextCut || proxy.accepted === made) return;
    made += 1;
    nextCut = bytes + (sizeBytes - bytes) / (cuts - made + 1);
    void proxy.cut().then(() => proxy.restore());
  };
  const file = join(served.folder, "cut", "artifact");
  const fetchedBytes = await fetchHere({ ...served, url: url.href }, file, onProgress);
  return { made, fetchedTwice: fetchedBytes / sizeBytes - 1 };
}

/** In this process, which also cuts. Gives the bytes that came. */
async function fetchHere(
  { url, caFile, sizeBytes, sha256 }: Served,
  file: string,
  onProgress: (bytes: number) => void,
): Promise<number> {
  let fetchedBytes = 0;
  const quiet = (): void => undefined;
  const info = (event: string, facts: Readonly<Record<string, unknown>> = {}): void => {
    if (event === "download.completed") fetchedBytes = Number(facts.fetchedBytes);
  };
  const downloader = benchmarkDownloader(readFileSync(caFile, "utf8"), {
    error: quiet,
    warn: quiet,
    info,
    debug: quiet,
  });
  const artifact = { name: "artifact", version: "1", sizeBytes, sha256, file };
  const outcome = await downloader.download({ kind: "url", url }, artifact, onProgress, never);
  if (outcome.kind !== "complete") throw new Error(`the download is ${outcome.kind}`);
  return fetchedBytes;
}

/** As the agent makes it, without bounds that a benchmark would meet. */
export function benchmarkDownloader(ca: string, log: Log): Downloader {
  const bounds = {
    maxBytesPerSecond: undefined,
    minBytesPerSecond: 100,
    minRateWindowMs: 5000,
    giveUpMs: 60_000,
  };
  return createDownloader({
    settings: {
      ...bounds,
      maxRepeats: 10,
      spareBytes: 0,
      reconnect: { minMs: 1, maxMs: 20 },
    },
    ca,
    proxyFor: () => undefined,
    streams: { open: async () => ({ kind: "denied", detail: "none" }) },
    clock: systemClock(),
    log,
    random: seededRandom(2),
  });
}
