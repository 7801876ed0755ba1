import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { FetchedArtifact } from "../../../agent/ports/update.ts";
import { createDownloader, type DownloadSettings } from "../../../drivers/os/download/download.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { type ArtifactServer, startArtifactServer } from "../../bench/cloud/artifact-server.ts";
import { createAuthority } from "../../bench/cloud/certificate-authority.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

/** CAUSEWAY_DOWNLOAD_CUTS=500 is the figure that must hold; fewer keep the usual run short. */
const CUTS = Number(process.env.CAUSEWAY_DOWNLOAD_CUTS ?? 40);
const TAMPERED = 50;
const BYTES_PER_CUT = 1_200_000;
const HOUR_MS = 3_600_000;
const SETTINGS: DownloadSettings = {
  maxBytesPerSecond: undefined,
  minBytesPerSecond: 100,
  minRateWindowMs: 5000,
  giveUpMs: 20_000,
  maxRepeats: 10,
  reconnect: { minMs: 5, maxMs: 50 },
  spareBytes: 1_000_000,
};

let folder = "";
let server: ArtifactServer;
let tls: { readonly certificatePem: string; readonly privateKeyPem: string };
let proxy: TcpProxy;
let proxyPort = 0;
let ca = "";
let log: MemoryLog;

beforeEach(async () => {
  folder = temporaryFolder();
  log = new MemoryLog();
  mkdirSync(join(folder, "served"));
  const authority = createAuthority(join(folder, "ca"));
  const issued = await authority.issue({
    commonName: "artifacts",
    subjectAltNames: [
      { kind: "ip", value: "127.0.0.1" },
      { kind: "ip", value: "::1" },
    ],
    usage: "server",
  });
  const { certificatePem, privateKeyPem = "" } = issued;
  tls = { certificatePem, privateKeyPem };
  ca = readFileSync(authority.caFile, "utf8");
  server = await startArtifactServer(join(folder, "served"), tls);
  proxy = new TcpProxy({ host: "127.0.0.1", port: server.port });
  proxyPort = await proxy.start();
});

afterEach(async () => {
  await proxy.stop();
  await server.stop();
});

/** Random bytes that the server has under "artifact", as the manifest describes them. */
function serve(sizeBytes: number, seed = 1): FetchedArtifact {
  const random = seededRandom(seed);
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at + 4 <= sizeBytes; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  writeFileSync(join(folder, "served", "artifact"), bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { name: "artifact", version: "1", sizeBytes, sha256, file: join(folder, "downloads", "artifact") };
}

function downloader(change: Partial<DownloadSettings> = {}) {
  const settings = { ...SETTINGS, ...change };
  return createDownloader({
    settings,
    ca,
    proxyFor: () => undefined,
    streams: noStreams,
    clock: systemClock(),
    log,
    random: seededRandom(2),
  });
}

const url = (lifeMs = HOUR_MS) => ({ kind: "url", url: server.presign("artifact", lifeMs, proxyPort) }) as const;
const never = new AbortController().signal;
const noStreams = { open: async () => ({ kind: "denied", detail: "no streams here" }) as const };
const ignore = (): void => undefined;

function contentIsRight({ file, sha256 }: FetchedArtifact): boolean {
  return createHash("sha256").update(readFileSync(file)).digest("hex") === sha256;
}

/** A process that ends when it has so many bytes. */
async function stopAt(bytes: number, artifact: FetchedArtifact): Promise<void> {
  const stop = new AbortController();
  const onProgress = (there: number): void => {
    if (there >= bytes) stop.abort();
  };
  expect(await downloader().download(url(), artifact, onProgress, stop.signal)).toEqual({ kind: "stopped" });
}

/** What the log says of the last download that was completed. */
function completed(): { readonly fetchedBytes: number; readonly repeatedBytes: number } {
  const { facts } = log.entries.findLast(({ event }) => event === "download.completed") ?? {};
  return { fetchedBytes: Number(facts?.fetchedBytes), repeatedBytes: Number(facts?.repeatedBytes) };
}

/** Bytes that came over the network, of all downloads so far. */
function fetchedBytes(): number {
  const done = log.entries.filter(({ event }) => event === "download.completed");
  return done.reduce((sum, { facts }) => sum + Number(facts.fetchedBytes), 0);
}

describe("downloading over HTTPS", () => {
  it(`goes on after each of ${CUTS} cuts and fetches at most 5 % twice`, { timeout: 600_000 }, async () => {
    const artifact = serve(CUTS * BYTES_PER_CUT);
    const random = seededRandom(3);
    let cuts = 0;
    let nextCut = 100_000;
    const onProgress = (bytes: number): void => {
      // What had come before the last cut may still be read after it: only a new connection can be cut again.
      if (bytes < nextCut || cuts === CUTS || proxy.accepted === cuts) return;
      cuts += 1;
      nextCut = bytes + random() * ((artifact.sizeBytes - bytes) / (CUTS - cuts + 1));
      void proxy.cut().then(() => proxy.restore());
    };
    const outcome = await downloader().download(url(), artifact, onProgress, never);
    expect(outcome).toEqual({ kind: "complete" });
    expect(contentIsRight(artifact)).toBe(true);
    expect(cuts).toBe(CUTS);
    const twice = fetchedBytes() / artifact.sizeBytes - 1;
    console.info(`${cuts} cuts, ${proxy.accepted} connections, ${(twice * 100).toFixed(2)} % fetched twice`);
    expect(twice).toBeLessThanOrEqual(0.05);
  });

  it("goes on after a restart with what was synced, under a fresh presigned URL", async () => {
    const artifact = serve(2_000_000);
    const stop = new AbortController();
    const first = downloader();
    const stopAtHalf = (bytes: number): void => {
      if (bytes >= 1_000_000) stop.abort();
    };
    expect(await first.download(url(), artifact, stopAtHalf, stop.signal)).toEqual({ kind: "stopped" });
    expect(await downloader().download(url(-1), artifact, ignore, never)).toMatchObject({ kind: "denied" });
    expect(await downloader().download(url(), artifact, ignore, never)).toEqual({ kind: "complete" });
    expect(contentIsRight(artifact)).toBe(true);
    expect(fetchedBytes()).toBeLessThanOrEqual(1_000_000);
    expect(server.answered[206]).toBe(1);
  });

  it("does not trust bytes behind the last sync: a power cut may leave zeros there", async () => {
    const artifact = serve(2_000_000);
    const stop = new AbortController();
    await downloader().download(url(), artifact, (bytes) => bytes >= 500_000 && stop.abort(), stop.signal);
    const { size } = statSync(artifact.file);
    writeFileSync(artifact.file, Buffer.alloc(100_000), { flag: "a" });
    expect(statSync(artifact.file).size).toBe(size + 100_000);
    expect(await downloader().download(url(), artifact, ignore, never)).toEqual({ kind: "complete" });
    expect(contentIsRight(artifact)).toBe(true);
  });

  it.each([
    ["names no version", "none"],
    ["names versions weakly", "weak"],
    ["names another version on each node", "of-node"],
  ] as const)("goes on after each start where a server %s, and fetches nothing twice", async (_name, etag) => {
    server.faults.etag = etag;
    const artifact = serve(1_000_000);
    for (const bytes of [300_000, 600_000]) await stopAt(bytes, artifact);
    expect(await downloader().download(url(), artifact, ignore, never)).toEqual({ kind: "complete" });
    expect(contentIsRight(artifact)).toBe(true);
    expect(server.answered[206]).toBe(2);
    expect(completed().fetchedBytes).toBeLessThanOrEqual(400_000);
    expect(completed().repeatedBytes).toBe(0);
  });

  it.each(["ignored", "multipart", "refused"] as const)(
    "goes on where ranges are %s: what comes again is passed over",
    async (ranges) => {
      server.faults.ranges = ranges;
      const artifact = serve(1_000_000);
      await stopAt(500_000, artifact);
      expect(await downloader().download(url(), artifact, ignore, never)).toEqual({ kind: "complete" });
      expect(contentIsRight(artifact)).toBe(true);
      expect(completed().repeatedBytes).toBeGreaterThanOrEqual(500_000);
      expect(completed().fetchedBytes).toBe(artifact.sizeBytes);
    },
  );

  it.each([
    [{ maxRepeats: 2 }, "bytes came again from a server that does not give the rest of a file (HTTP Range)"],
    [{ maxRepeats: 1000, giveUpMs: 300 }, "no new byte for 300 ms"],
  ])("gives up on a server that sends the beginning again and again: %o", async (bounds, why) => {
    server.faults.ranges = "ignored";
    const artifact = serve(1_000_000);
    await stopAt(500_000, artifact);
    server.faults.cutAfterBytes = 300_000;
    const outcome = await downloader(bounds).download(url(), artifact, ignore, never);
    expect(outcome.kind).toBe("failed");
    expect(JSON.stringify(outcome)).toContain(why);
  });

  it("keeps to what may come again over all starts, and gives another try all of it", async () => {
    server.faults.ranges = "ignored";
    const artifact = serve(1_000_000);
    await stopAt(500_000, artifact);
    server.faults.cutAfterBytes = 400_000;
    const start = async (): Promise<string> => {
      const bounds = { maxRepeats: 1, giveUpMs: 0 };
      return JSON.stringify(await downloader(bounds).download(url(), artifact, ignore, never));
    };
    // Each start makes one connection, which is not enough to spend it.
    expect(await start()).toContain("no new byte");
    let starts = 1;
    for (; starts < 50 && !(await start()).includes("came again"); starts++);
    expect(starts).toBeLessThan(50);
    expect(await start()).toContain("no new byte");
  });

  it("starts over once when pieces of two files do not fit, and ends when they do not fit again", async () => {
    const judged = (): number => log.entries.filter(({ event }) => event === "download.tampered").length;
    server.faults.etag = "of-node";
    const artifact = serve(1_000_000);
    const right = readFileSync(join(folder, "served", "artifact"));
    writeFileSync(join(folder, "served", "artifact"), Buffer.alloc(right.length, "other"));
    await stopAt(500_000, artifact);
    writeFileSync(join(folder, "served", "artifact"), right);
    expect(await downloader().download(url(), artifact, ignore, never)).toEqual({ kind: "complete" });
    expect(contentIsRight(artifact)).toBe(true);

    const wrong = { ...artifact, sha256: "0".repeat(64), file: join(folder, "downloads", "wrong") };
    await stopAt(500_000, wrong);
    const before = judged();
    expect(await downloader().download(url(), wrong, ignore, never)).toMatchObject({ kind: "tampered" });
    expect(judged() - before).toBe(2);
    expect(statSync(wrong.file).size).toBe(0);
  });

  it("goes on with the server's file where it sends the whole of another one", async () => {
    server.faults.ranges = "ignored";
    const artifact = serve(1_000_000);
    const right = readFileSync(join(folder, "served", "artifact"));
    const old = Buffer.from(right).fill("old", 300_000);
    writeFileSync(join(folder, "served", "artifact"), old);
    await stopAt(500_000, artifact);
    writeFileSync(join(folder, "served", "artifact"), right);
    expect(await downloader().download(url(), artifact, ignore, never)).toEqual({ kind: "complete" });
    expect(contentIsRight(artifact)).toBe(true);
    expect(completed().repeatedBytes).toBe(300_000);
  });

  it("follows a redirect to https, and no other", async () => {
    const other = await startArtifactServer(join(folder, "served"), tls);
    try {
      server.faults.status = 307;
      const artifact = serve(500_000);
      server.faults.location = other.presign("artifact", HOUR_MS).replace("https://", "https://user:secret@");
      await stopAt(200_000, artifact);
      expect(await downloader().download(url(), artifact, ignore, never)).toEqual({ kind: "complete" });
      expect(contentIsRight(artifact)).toBe(true);
      expect(other.answered[206]).toBe(1);
      expect(Object.keys(other.lastHeaders()).sort()).toEqual(["accept-encoding", "connection", "host", "range"]);

      const next = { ...artifact, file: join(folder, "downloads", "next") };
      const rejections = [
        [`http://127.0.0.1:${other.port}/artifact?signature=s3cr3t`, "is not https"],
        [url().url, "more than 5 redirects"],
        [undefined, "without a place to go to"],
      ] as const;
      for (const [location, why] of rejections) {
        server.faults.location = location;
        const outcome = await downloader().download(url(), next, ignore, never);
        expect(outcome.kind).toBe("denied");
        expect(JSON.stringify(outcome)).toContain(why);
        expect(JSON.stringify([outcome, log.entries])).not.toMatch(/signature|s3cr3t/);
      }
    } finally {
      await other.stop();
    }
  });

  it("takes what follows an interim answer", async () => {
    server.faults.interim = true;
    const artifact = serve(1_000_000);
    await stopAt(500_000, artifact);
    expect(await downloader().download(url(), artifact, ignore, never)).toEqual({ kind: "complete" });
    expect(contentIsRight(artifact)).toBe(true);
    expect(server.answered[206]).toBe(1);
  });

  it("refuses a body that is longer than the file, where its length is not told", async () => {
    server.faults.chunked = true;
    const artifact = serve(50_000);
    expect(await downloader().download(url(), artifact, ignore, never)).toEqual({ kind: "complete" });
    const shorter = { ...artifact, sizeBytes: 49_999, file: join(folder, "downloads", "shorter") };
    const outcome = await downloader().download(url(), shorter, ignore, never);
    expect(outcome).toEqual({ kind: "tampered", detail: "artifact: it is longer than the manifest says" });
    expect(statSync(shorter.file).size).toBe(0);
  });

  it(`refuses ${TAMPERED} payloads with one changed byte, and keeps nothing of them`, {
    timeout: 1_200_000,
  }, async () => {
    const artifact = serve(4096);
    const random = seededRandom(4);
    for (let round = 0; round < TAMPERED; round++) {
      server.faults.flipAt = [Math.floor(random() * artifact.sizeBytes)];
      const outcome = await downloader().download(url(), artifact, ignore, never);
      expect(outcome.kind).toBe("tampered");
      expect(statSync(artifact.file).size).toBe(0);
    }
    server.faults.flipAt = [];
    expect((await downloader().download(url(), artifact, ignore, never)).kind).toBe("complete");
  });

  it("refuses a file of another size before it takes its bytes", async () => {
    const artifact = serve(50_000);
    for (const sizeBytes of [49_999, 50_001]) {
      const outcome = await downloader().download(url(), { ...artifact, sizeBytes }, ignore, never);
      expect(outcome).toMatchObject({ kind: "tampered" });
    }
  });

  it("sets space aside first, and says what is short", async () => {
    const artifact = serve(1000);
    const outcome = await downloader({ spareBytes: 1e18 }).download(url(), artifact, ignore, never);
    expect(outcome).toMatchObject({ kind: "no-space" });
    expect(server.answered).toEqual({});
  });

  it("keeps to the highest rate", async () => {
    const artifact = serve(400_000);
    const begun = performance.now();
    await downloader({ maxBytesPerSecond: 400_000 }).download(url(), artifact, ignore, never);
    expect(performance.now() - begun).toBeGreaterThan(800);
    expect(contentIsRight(artifact)).toBe(true);
  });

  it("cuts a connection that stands still, and gives up after the time for that", async () => {
    const artifact = serve(100_000);
    proxy.blackhole();
    const impatient = downloader({ minRateWindowMs: 200, giveUpMs: 1000 });
    expect(await impatient.download(url(), artifact, ignore, never)).toMatchObject({ kind: "failed" });
    expect(proxy.accepted).toBeGreaterThan(1);
  });

  it("tries again while the server is unavailable, and ends at once when it refuses", async () => {
    const artifact = serve(1000);
    server.faults.status = 503;
    const pending = downloader().download(url(), artifact, ignore, never);
    while ((server.answered[503] ?? 0) < 3) await new Promise((resolve) => setImmediate(resolve));
    server.faults.status = undefined;
    expect(await pending).toEqual({ kind: "complete" });
    server.faults.status = 404;
    const other = { ...artifact, file: join(folder, "downloads", "other") };
    expect(await downloader().download(url(), other, ignore, never)).toMatchObject({ kind: "denied" });
  });

  it("refuses a server that is not the one its certificate names", async () => {
    const artifact = serve(1000);
    const stranger = createDownloader({
      settings: { ...SETTINGS, giveUpMs: 100 },
      ca: undefined,
      proxyFor: () => undefined,
      streams: noStreams,
      clock: systemClock(),
      log,
      random: seededRandom(2),
    });
    expect(await stranger.download(url(), artifact, ignore, never)).toMatchObject({ kind: "failed" });
  });
});

describe("taking a file from the vehicle's own disk", () => {
  it("copies it while checking, and leaves the source as it is", async () => {
    const artifact = serve(300_000);
    const path = join(folder, "served", "artifact");
    expect(await downloader().download({ kind: "file", path }, artifact, ignore, never)).toEqual({ kind: "complete" });
    expect(contentIsRight(artifact)).toBe(true);
    expect(existsSync(path)).toBe(true);
  });

  it("says what is wrong with the file", async () => {
    const artifact = serve(300_000);
    const missing = { kind: "file", path: join(folder, "nowhere") } as const;
    expect(await downloader().download(missing, artifact, ignore, never)).toMatchObject({ kind: "denied" });
    const path = join(folder, "served", "artifact");
    writeFileSync(path, Buffer.alloc(300_000));
    expect(await downloader().download({ kind: "file", path }, artifact, ignore, never)).toMatchObject({
      kind: "tampered",
    });
  });
});
