import { execFileSync, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FetchedArtifact } from "../../../agent/ports/update.ts";
import { createDownloader } from "../../../drivers/os/download/download.ts";
import { digestFile } from "../../../drivers/os/file-digest.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { createSlots } from "../../../drivers/os/versions/slots.ts";
import { liveWithCuts, problemOf, UpdateVehicle } from "../../fakes/updates/update-vehicle.ts";
import { TcpProxy } from "../broker/tcp-proxy.ts";
import { createAuthority, writeIdentity } from "../cloud/certificate-authority.ts";
import { startChild } from "../core/child.ts";
import { seededRandom } from "../core/seeded-random.ts";
import { median, timed } from "./timing.ts";

const SERVER = join(import.meta.dirname, "../processes/artifact-server.ts");
const START = join(import.meta.dirname, "../../../systemd/causeway-start");
const never = new AbortController().signal;

/** Rates of the same file from the same server in turns, medians, MB/s; and what cuts cost. */
export type DownloadFigures = {
  readonly sizeBytes: number;
  readonly agentMBps: number;
  readonly curlMBps: number;
  readonly cuts: number;
  /** Share of the file that came over the network more than once. */
  readonly fetchedTwice: number;
};

/** Downloads over HTTPS on this machine: side by side with curl, and over up to `cuts` cut connections. */
export async function benchmarkDownload(sizeBytes: number, runs: number, cuts: number): Promise<DownloadFigures> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const served = join(folder, "served");
  mkdirSync(served);
  const authority = createAuthority(join(folder, "ca"));
  const subjectAltNames = [{ kind: "ip", value: "127.0.0.1" }] as const;
  const issued = await authority.issue({ commonName: "artifacts", subjectAltNames, usage: "server" });
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
    const parts = { folder, url: await url.promise, caFile: authority.caFile };
    const artifact = makeArtifact(served, sizeBytes);
    const rates = [];
    for (let run = 0; run < runs; run += 1) {
      const curl = await timed(() => fetchWithCurl(parts));
      rates.push({ curl, agent: await timed(() => fetchWithAgent(parts, artifact, run)) });
    }
    const { fetchedBytes, made } = await fetchOverCuts(parts, artifact, proxy, cuts);
    const rate = (ms: number): number => sizeBytes / 1000 / ms;
    return {
      sizeBytes,
      agentMBps: rate(median(rates.map(({ agent }) => agent))),
      curlMBps: rate(median(rates.map(({ curl }) => curl))),
      cuts: made,
      fetchedTwice: fetchedBytes / sizeBytes - 1,
    };
  } finally {
    await proxy.stop();
    await server.stop();
    rmSync(folder, { recursive: true });
  }
}

type DownloadParts = { readonly folder: string; readonly url: string; readonly caFile: string };

function makeArtifact(served: string, sizeBytes: number): Omit<FetchedArtifact, "file"> {
  const random = seededRandom(1);
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at + 4 <= sizeBytes; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  writeFileSync(join(served, "artifact"), bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { name: "artifact", version: "1", sizeBytes, sha256 };
}

async function fetchWithCurl({ folder, url, caFile }: DownloadParts): Promise<void> {
  const args = ["--silent", "--show-error", "--fail", "--cacert", caFile, "--output", join(folder, "curl"), url];
  await run("curl", args);
}

/** With its hash, its reservation and its syncs, which curl does not do. */
async function fetchWithAgent(
  parts: DownloadParts,
  artifact: Omit<FetchedArtifact, "file">,
  run: number,
  onProgress: (bytes: number) => void = () => undefined,
): Promise<number> {
  let fetchedBytes = 0;
  const quiet = (): void => undefined;
  const info = (event: string, facts: Readonly<Record<string, unknown>> = {}): void => {
    if (event === "download.completed") fetchedBytes = Number(facts.fetchedBytes);
  };
  const bounds = { maxBytesPerSecond: undefined, minBytesPerSecond: 100, minRateWindowMs: 5000, giveUpMs: 60_000 };
  const downloader = createDownloader({
    settings: { ...bounds, maxRepeats: 10, spareBytes: 0, reconnect: { minMs: 1, maxMs: 20 } },
    ca: readFileSync(parts.caFile, "utf8"),
    proxyFor: () => undefined,
    streams: { open: async () => ({ kind: "denied", detail: "none" }) },
    clock: systemClock(),
    log: { error: quiet, warn: quiet, info, debug: quiet },
    random: seededRandom(2),
  });
  const source = { kind: "url", url: parts.url } as const;
  const file = join(parts.folder, `agent-${run}`, "artifact");
  const outcome = await downloader.download(source, { ...artifact, file }, onProgress, never);
  if (outcome.kind !== "complete") throw new Error(`the download is ${outcome.kind}`);
  return fetchedBytes;
}

/** Cuts spread over the file. Fewer are made where much is still in the buffers behind a cut. */
async function fetchOverCuts(
  parts: DownloadParts,
  artifact: Omit<FetchedArtifact, "file">,
  proxy: TcpProxy,
  cuts: number,
): Promise<{ readonly fetchedBytes: number; readonly made: number }> {
  const url = new URL(parts.url);
  url.port = String(await proxy.start());
  let made = 0;
  let nextCut = artifact.sizeBytes / (cuts + 1);
  const onProgress = (bytes: number): void => {
    // What came before the last cut may still be read after it: only a new connection can be cut again.
    if (made === cuts || bytes < nextCut || proxy.accepted === made) return;
    made += 1;
    nextCut = bytes + (artifact.sizeBytes - bytes) / (cuts - made + 1);
    void proxy.cut().then(() => proxy.restore());
  };
  const fetchedBytes = await fetchWithAgent({ ...parts, url: url.href }, artifact, -1, onProgress);
  return { fetchedBytes, made };
}

/** Times of one release of the agent, ms. */
export type InstallFigures = {
  readonly archiveBytes: number;
  /** Unpacking, checking and syncing; and the switch of the link. */
  readonly stageMs: number;
  readonly switchMs: number;
  /** From the first start of a version that crashes to the old one running, under the supervisor without the service manager's pauses. */
  readonly rollbackMs: number;
  readonly rollbackStarts: number;
};

/** Installs a release as large as Node, and goes back from one that crashes. */
export async function benchmarkInstall(): Promise<InstallFigures> {
  const state = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  try {
    const packaged = join(state, "packaged");
    makeRelease(packaged, `#!/bin/sh\nexit 0\n`);
    const slots = createSlots({ folder: join(state, "releases"), running: "packaged" });
    const large = await archive(state, "large", (folder) => copyFileSync(process.execPath, join(folder, "node")));
    const stageMs = await timed(() => slots.stage(large, never));
    const switchMs = await timed(() => slots.activate(large));
    await slots.rollback(large);
    const crashing = await archive(state, "crashing", (folder) =>
      writeProgram(join(folder, "node"), "#!/bin/sh\nexit 1\n"),
    );
    await slots.stage(crashing, never);
    await slots.activate(crashing);
    let starts = 0;
    const rollbackMs = await timed(async () => {
      do starts += 1;
      while ((await startOnce(state, packaged)) !== 0 && starts < 10);
    });
    return { archiveBytes: large.sizeBytes, stageMs, switchMs, rollbackMs, rollbackStarts: starts - 1 };
  } finally {
    rmSync(state, { recursive: true });
  }
}

function makeRelease(folder: string, node: string): void {
  mkdirSync(join(folder, "agent"), { recursive: true });
  writeFileSync(join(folder, "agent/main.js"), "");
  writeProgram(join(folder, "node"), node);
}

function writeProgram(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

async function archive(state: string, name: string, fill: (folder: string) => void): Promise<FetchedArtifact> {
  const folder = join(state, name);
  makeRelease(folder, "");
  fill(folder);
  const file = join(state, `${name}.tar.gz`);
  execFileSync("tar", ["--create", "--gzip", "--file", file, "--directory", folder, "node", "agent"]);
  return { name, version: "1", file, ...(await digestFile(file)) };
}

function startOnce(state: string, packaged: string): Promise<number> {
  const child = spawn(START, [state, packaged, "run"], { stdio: "ignore", env: { PATH: process.env.PATH } });
  return new Promise((resolve) => child.once("exit", (code) => resolve(code ?? 1)));
}

/** Power cuts before and after each durable step of an update: how many there are, and after how many the vehicle was whole. */
export type FaultFigures = { readonly points: number; readonly rounds: number; readonly whole: number };

/** Cuts the power at every step of updates to a good version, one that crashes and one that never proves itself; `rounds` times each. */
export async function benchmarkFaults(rounds: number): Promise<FaultFigures> {
  let [points, whole] = [0, 0];
  for (const version of ["good", "crashes-at-start", "never-proven"] as const) {
    const uncut = new UpdateVehicle(version);
    await uncut.live(true);
    for (let at = 1; at <= uncut.steps; at += 1) {
      points += 1;
      if (await isWholeAfter(version, at, rounds)) whole += 1;
    }
  }
  return { points, rounds, whole };
}

async function isWholeAfter(version: UpdateVehicle["version"], at: number, rounds: number): Promise<boolean> {
  const random = seededRandom(at);
  for (let round = 0; round < rounds; round += 1) {
    const vehicle = new UpdateVehicle(version);
    vehicle.cutAt = at;
    // After the first round, further cuts follow soon after the first.
    const cuts = round === 0 ? [] : [1, 2].map(() => 1 + Math.floor(random() * 6));
    await liveWithCuts(vehicle, cuts);
    if (problemOf(vehicle) !== undefined) return false;
  }
  return true;
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", resolve);
  });
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}
