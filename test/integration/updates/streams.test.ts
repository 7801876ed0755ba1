import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { WireFormat } from "../../../agent/cloud/wire-format.ts";
import type { Broker } from "../../../agent/ports/broker.ts";
import type { DownloadOutcome, FetchedArtifact } from "../../../agent/ports/update.ts";
import { FileStreams } from "../../../agent/updates/download/file-streams.ts";
import { createDownloader } from "../../../drivers/os/download/download.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { type Mosquitto, startMosquitto } from "../../bench/broker/mosquitto.ts";
import { createSession } from "../../bench/broker/mqtt-session.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { createAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { CloudStreams } from "../../bench/cloud/streams.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const THING = "veh-1";
const CLOUD = "cloud-streams";
const BLOCK_BYTES = 8192;
const SOURCE = { kind: "stream", streamId: "release-1", fileId: 7 } as const;
const never = new AbortController().signal;

let folder: string;
let mosquitto: Mosquitto;
let proxy: TcpProxy;
let cloud: CloudStreams;
const sessions: Broker[] = [];
let log: MemoryLog;
let rounds = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "causeway-streams-"));
  const authority = createAuthority(join(folder, "ca"));
  mosquitto = await startMosquitto({ folder: join(folder, "broker"), authority, things: [THING], clouds: [CLOUD] });
  proxy = new TcpProxy({ host: "127.0.0.1", port: mosquitto.port });
  const port = await proxy.start();
  for (const [name, through] of [
    [CLOUD, mosquitto.port],
    [THING, port],
  ] as const) {
    const issued = await authority.issue({ commonName: name, usage: "client" });
    const session = createSession({
      clientId: name,
      identity: { mode: "file", ...writeIdentity(join(folder, name), name, issued) },
      caFile: mosquitto.caFile,
      broker: { host: "localhost", port: through, reconnect: { minMs: 100, maxMs: 1000 } },
      log: new MemoryLog(),
    });
    session.start();
    await session.online(AbortSignal.timeout(10_000));
    sessions.push(session);
  }
  cloud = new CloudStreams(sessions[0]);
  await cloud.start();
});
afterAll(async () => {
  for (const session of sessions) await session.stop();
  await proxy.stop();
  await mosquitto.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  log = new MemoryLog();
  cloud.fate = () => "sent";
  cloud.isReversed = false;
  cloud.sentBytes = 0;
});

/** Random bytes that the stream has, as the manifest describes them. */
function serve(sizeBytes: number, version = 1): FetchedArtifact {
  rounds += 1;
  const random = seededRandom(rounds);
  const bytes = Uint8Array.from({ length: sizeBytes }, () => Math.floor(random() * 256));
  cloud.streams.set(SOURCE.streamId, { version, files: new Map([[SOURCE.fileId, bytes]]) });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return { name: "artifact", version: "1", sizeBytes, sha256, file: join(folder, `downloads-${rounds}`, "artifact") };
}

/** The filters of one session must be disjoint: the streams of one format are made once for all tests. */
const clients = new Map<WireFormat, FileStreams>();
function downloader(format: WireFormat) {
  const clock = systemClock();
  const settings = { format, blockBytes: BLOCK_BYTES, silenceMs: 300 };
  const made =
    clients.get(format) ??
    new FileStreams({ thing: THING, broker: sessions[1], clock, log, settings, token: () => "t" });
  clients.set(format, made);
  const bounds = { maxBytesPerSecond: undefined, minBytesPerSecond: 100, minRateWindowMs: 5000, spareBytes: 1_000_000 };
  return createDownloader({
    settings: { ...bounds, giveUpMs: 20_000, maxRepeats: 10, reconnect: { minMs: 5, maxMs: 50 } },
    ca: undefined,
    proxyFor: () => undefined,
    streams: made,
    clock,
    log,
    random: seededRandom(2),
  });
}

async function download(
  format: WireFormat,
  artifact: FetchedArtifact,
  onProgress: (bytes: number) => void = () => undefined,
) {
  return await downloader(format).download(SOURCE, artifact, onProgress, never);
}

function expectWhole(outcome: DownloadOutcome, { file, sha256 }: FetchedArtifact): void {
  expect(outcome).toEqual({ kind: "complete" });
  expect(createHash("sha256").update(readFileSync(file)).digest("hex")).toBe(sha256);
}

describe.each(["cbor", "json"] as const)(
  "downloading over an MQTT file stream in %s",
  { timeout: 60_000 },
  (format) => {
    it.each([1, BLOCK_BYTES, BLOCK_BYTES + 1, 40 * BLOCK_BYTES - 3])(
      "fetches %d bytes, each once",
      async (sizeBytes) => {
        const artifact = serve(sizeBytes);
        expectWhole(await download(format, artifact), artifact);
        expect(cloud.sentBytes).toBe(sizeBytes);
      },
    );

    it("asks by the bitmap for the blocks that are lost, and takes them in any order and twice", async () => {
      const artifact = serve(60 * BLOCK_BYTES + 17);
      const random = seededRandom(5);
      cloud.isReversed = true;
      let lostBytes = 0;
      cloud.fate = () => {
        const draw = random();
        if (draw < 0.25) lostBytes += BLOCK_BYTES;
        return draw < 0.25 ? "lost" : draw < 0.4 ? "twice" : "sent";
      };
      expectWhole(await download(format, artifact), artifact);
      expect(lostBytes).toBeGreaterThan(0);
      // What was there is not asked for again: only what came twice is more than the file.
      expect(cloud.sentBytes).toBeLessThan(artifact.sizeBytes * 1.35);
    });

    it("goes on after a restart and after cuts, from the block that is missing", async () => {
      const artifact = serve(200 * BLOCK_BYTES);
      const stop = new AbortController();
      const stopAtThird = (bytes: number): void => {
        if (bytes > artifact.sizeBytes / 3) stop.abort();
      };
      expect((await downloader(format).download(SOURCE, artifact, stopAtThird, stop.signal)).kind).toBe("stopped");
      let cuts = 0;
      const outcome = await download(format, artifact, (bytes) => {
        if (cuts > 0 || bytes < artifact.sizeBytes / 2) return;
        cuts += 1;
        void proxy.cut().then(() => proxy.restore());
      });
      expectWhole(outcome, artifact);
      expect(cuts).toBe(1);
      expect(cloud.sentBytes).toBeLessThan(artifact.sizeBytes + 4 * 131_072);
    });

    it("goes on when the stream has another version, and refuses bytes that are not the manifest's", async () => {
      const old = serve(50 * BLOCK_BYTES);
      const stop = new AbortController();
      await downloader(format).download(SOURCE, old, (bytes) => bytes > 20 * BLOCK_BYTES && stop.abort(), stop.signal);
      const file = cloud.streams.get(SOURCE.streamId);
      cloud.streams.set(SOURCE.streamId, { version: 2, files: file?.files ?? new Map() });
      expectWhole(await download(format, old), old);
      const other = serve(3 * BLOCK_BYTES, 3);
      expect(await download(format, { ...other, sha256: "0".repeat(64) })).toMatchObject({ kind: "tampered" });
      expect(await download(format, { ...other, sizeBytes: 5 })).toMatchObject({ kind: "tampered" });
    });

    it("ends at once when there is no such stream or file", async () => {
      const artifact = serve(10);
      cloud.streams.set(SOURCE.streamId, { version: 1, files: new Map() });
      expect(await download(format, artifact)).toMatchObject({ kind: "denied" });
      cloud.streams.clear();
      expect(await download(format, artifact)).toMatchObject({ kind: "denied", detail: /ResourceNotFound/ });
    });
  },
);
