import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Outcome } from "../../../agent/commands/action.ts";
import type { FilesLine } from "../../../agent/daemon/parts.ts";
import type { Notice } from "../../../agent/telemetry/record/encode/events.ts";
import type { UploadedFile } from "../../../agent/telemetry/record/encode/uploaded-file.ts";
import { filesConfig } from "../../../config/files.ts";
import { TcpProxy } from "../../bench/broker/tcp-proxy.ts";
import { createAuthority } from "../../bench/cloud/certificate-authority.ts";
import { ObjectStore } from "../../bench/cloud/object-store.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { fastClock, type RunningFiles, startFiles } from "../../fakes/files/files-line.ts";
import { fakeTlsIdentity } from "../../fakes/ports/tls-identity.ts";

const PART_BYTES = 65_536;
const SIGNED = /X-Amz-|Signature=|uploadId=/i;

let folder = "";
let store: ObjectStore;
let proxy: TcpProxy;
let proxyPort = 0;
let caFile = "";
let log: MemoryLog;
let uploaded: UploadedFile[] = [];
let notices: Notice[] = [];
let running: RunningFiles | undefined;

beforeEach(async () => {
  folder = temporaryFolder();
  log = new MemoryLog();
  uploaded = [];
  notices = [];
  const authority = createAuthority(join(folder, "ca"));
  const { certificatePem, privateKeyPem = "" } = await authority.issue({
    commonName: "objects",
    subjectAltNames: [{ kind: "ip", value: "127.0.0.1" }],
    usage: "server",
  });
  caFile = authority.caFile;
  store = await ObjectStore.start({ certificatePem, privateKeyPem }, PART_BYTES);
  proxy = new TcpProxy({ host: "127.0.0.1", port: store.port });
  proxyPort = await proxy.start();
});

afterEach(async () => {
  await stop();
  await proxy.stop();
  await store.stop();
});

/** A start of the agent's part for uploads, with the journal as it is on the disk. */
async function start(change: Readonly<Record<string, unknown>> = {}): Promise<FilesLine> {
  const hosts = [`127.0.0.1:${store.port}`, `127.0.0.1:${proxyPort}`];
  const settings = filesConfig.parse({ hosts, caFile, ...change });
  running = await startFiles({
    settings,
    identity: fakeTlsIdentity("none", []),
    config: configOf(),
    uploaded,
    notices,
    log,
    clock: fastClock(),
  });
  return running.line;
}

async function stop(): Promise<void> {
  await running?.stop();
  running = undefined;
}

function configOf() {
  const frameLog = { folder: join(folder, "frames") };
  const dbc = [{ file: join(folder, "van.dbc") }];
  return { stateDir: folder, thingName: "van-1", proxy: undefined, frameLog, dbc };
}

/** A finished capture of random bytes. */
function capture(sizeBytes: number, seed = 1): Buffer {
  const random = seededRandom(seed);
  const bytes = Buffer.alloc(sizeBytes);
  for (let at = 0; at + 4 <= sizeBytes; at += 4) bytes.writeUInt32LE(Math.floor(random() * 2 ** 32), at);
  mkdirSync(join(folder, "frames"), { recursive: true });
  writeFileSync(join(folder, "frames", "00001-0001.log"), bytes);
  return bytes;
}

async function ask(line: FilesLine, given: Readonly<Record<string, unknown>>): Promise<Outcome> {
  line.offer({
    collect: async () => ({ name: "support-1.json.gz", content: Uint8Array.of(1), sha256: "" }),
    logFile: () => undefined,
  });
  const [action] = line.actions;
  const prepared = action.prepare(given);
  return prepared.kind === "prepared" ? await prepared.run(new AbortController().signal, () => undefined) : prepared;
}

function resultOf(outcome: Outcome): Readonly<Record<string, string | boolean>> {
  if (outcome.kind !== "done") throw new Error(JSON.stringify(outcome));
  return outcome.result;
}

async function until(isSo: () => boolean): Promise<void> {
  await expect.poll(isSo, { timeout: 10_000, interval: 10 }).toBe(true);
}

/** URLs for all parts of a file, through the proxy. */
async function partsOf(key: string, sizeBytes: number, uploadId = store.createUpload(key), lifeSeconds = 900) {
  const urls = Array.from({ length: Math.ceil(sizeBytes / PART_BYTES) }, (_, at) =>
    store.presign({ key, query: { uploadId, partNumber: String(at + 1) }, port: proxyPort, lifeSeconds }),
  );
  const completeUrl = await store.presign({ method: "POST", key, query: { uploadId }, port: proxyPort, lifeSeconds });
  return { partUrls: await Promise.all(urls), partBytes: PART_BYTES, completeUrl };
}

const sha256Of = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** Whatever the vehicle has written or said. */
function everythingSaid(): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.startsWith("journal"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
  return [...files, JSON.stringify(log.entries), JSON.stringify(uploaded), JSON.stringify(notices)].join("\n");
}

describe("file.upload", () => {
  it("puts a capture at a presigned URL, tells its hash where that is signed, and then says so in a record", async () => {
    const bytes = capture(300_001);
    const line = await start();
    const asked = resultOf(await ask(line, { kind: "capture", reason: "case 7" }));
    expect(asked).toMatchObject({ file: "00001-0001.log", state: "waiting", bytes: "300001", sha256: sha256Of(bytes) });
    expect(uploaded).toEqual([]);
    const headers = { "x-amz-checksum-sha256": createHash("sha256").update(bytes).digest("base64") };
    const url = await store.presign({ key: "c.log", headers });
    expect(resultOf(await ask(line, { upload: asked.upload, url }))).toMatchObject({ state: "sending" });
    await until(() => uploaded.length === 1);
    expect(store.objects.get("c.log")?.equals(bytes)).toBe(true);
    const location = `https://127.0.0.1:${store.port}/bucket/c.log`;
    const facts = { upload: asked.upload, kind: "capture", location, isChecked: true, reason: "case 7" };
    expect(uploaded[0]).toMatchObject({ ...facts, sizeBytes: bytes.length, sha256: sha256Of(bytes) });
    await until(() => line.status().stored === 1);
    await stop();
    expect(existsSync(join(folder, "uploads", String(asked.upload)))).toBe(false);
    expect(SIGNED.exec(everythingSaid())?.[0]).toBeUndefined();
  });

  it("goes on behind the parts that the store has, over cut links and restarts", async () => {
    const bytes = capture(20 * PART_BYTES + 17);
    let line = await start();
    const parts = await partsOf("p.log", bytes.length);
    const { upload } = resultOf(await ask(line, { kind: "capture", ...parts }));
    for (let round = 1; round <= 5; round += 1) {
      await until(() => (line.status().uploads[0]?.sentBytes ?? bytes.length) >= 3 * round * PART_BYTES);
      store.faults.cutAfterBytes = PART_BYTES / 2;
      if (round % 2 === 0) await proxy.cut();
      await stop();
      await proxy.restore();
      line = await start();
    }
    await until(() => uploaded.length === 1);
    expect(store.objects.get("p.log")?.equals(bytes)).toBe(true);
    expect(uploaded[0]).toMatchObject({ upload, sha256: sha256Of(bytes) });
    expect(uploaded[0].etag).toMatch(/-21"$/);
    expect(store.receivedBytes).toBeLessThan(bytes.length + 11 * PART_BYTES);
    await stop();
    expect(SIGNED.exec(everythingSaid())?.[0]).toBeUndefined();
  });

  it("asks for another URL where the time of one is over, and goes on with the parts of before", async () => {
    const bytes = capture(4 * PART_BYTES);
    const line = await start();
    const uploadId = store.createUpload("e.log");
    const good = await partsOf("e.log", bytes.length, uploadId);
    const wall = store.now;
    store.now = () => wall() - 1_000_000_000;
    const late = await store.presign({ key: "e.log", query: { uploadId, partNumber: "3" }, lifeSeconds: 60 });
    store.now = wall;
    const partUrls = good.partUrls.with(2, late);
    const refused = await ask(line, { kind: "capture", ...good, partUrls });
    expect(refused).toMatchObject({ kind: "rejected", description: "partUrls.2: its time is over" });
    const forged = good.partUrls.with(2, late.replace(/X-Amz-Date=\d{8}/, "X-Amz-Date=20991231"));
    const { upload } = resultOf(await ask(line, { kind: "capture", ...good, partUrls: forged }));
    await until(() => notices.length === 1);
    expect(notices[0].detail).toContain("the store refuses it: HTTP 403 SignatureDoesNotMatch");
    const before = store.receivedBytes;
    await ask(line, { upload, ...good });
    await until(() => uploaded.length === 1);
    expect(store.objects.get("e.log")?.equals(bytes)).toBe(true);
    expect(store.receivedBytes - before).toBeLessThan(2.2 * PART_BYTES);
    await stop();
    expect(SIGNED.exec(everythingSaid())?.[0]).toBeUndefined();
  });

  it("bears a busy store, an end that fails after its 200, and an upload that is gone", async () => {
    const bytes = capture(2 * PART_BYTES);
    const line = await start();
    store.faults.answers.push({ status: 503, code: "SlowDown" }, { status: 500, code: "InternalError" });
    store.faults.errorAfter200 = true;
    const { upload } = resultOf(await ask(line, { kind: "capture", ...(await partsOf("b.log", bytes.length)) }));
    await until(() => uploaded.length === 1);
    expect(line.status()).toMatchObject({ retried: 3, refused: 0 });
    expect(upload).toBe(uploaded[0].upload);
    const gone = store.createUpload("g.log");
    const parts = await partsOf("g.log", bytes.length, gone);
    store.abortUpload(gone);
    await ask(line, { kind: "capture", ...parts });
    await until(() => notices.length === 1);
    expect(notices[0].detail).toContain("the store refuses it: HTTP 404 NoSuchUpload");
    expect(store.objects.has("g.log")).toBe(false);
  });

  it("gives up a file that has become shorter on the disk, and tells no path", async () => {
    capture(70_000);
    const line = await start();
    const { upload } = resultOf(await ask(line, { kind: "capture" }));
    truncateSync(join(folder, "uploads", String(upload)), 69_999);
    await ask(line, { upload, url: await store.presign({ key: "s.log" }) });
    await until(() => notices.length === 1);
    expect(notices[0]).toMatchObject({ event: "upload.failed" });
    expect(notices[0].detail).toMatch(/is given up: the file that was held is gone or shorter$/);
    expect([store.objects.has("s.log"), line.status().failed]).toEqual([false, 1]);
  });

  it("sends what a job orders, and what somebody at the vehicle does once the cloud has named a place", async () => {
    const bytes = capture(70_000);
    const line = await start();
    line.offer({
      collect: async () => ({ name: "support-1.json.gz", content: Buffer.from("bundle"), sha256: "" }),
      logFile: () => undefined,
    });
    const job = { jobId: "j", executionNumber: 1, report: () => undefined, reportFrom: () => undefined };
    const url = await store.presign({ key: "job.log" });
    const document = { version: "1.0", operation: "upload", kind: "capture", url };
    const never = new AbortController().signal;
    const outcome = await line.job.handler(document, { ...job, withdrawn: never }, never);
    expect(outcome).toMatchObject({ status: "SUCCEEDED", details: { sha256: sha256Of(bytes) } });
    await until(() => uploaded.length === 1);
    expect(store.objects.get("job.log")?.equals(bytes)).toBe(true);
    // The same execution again, as after a lost report: nothing goes twice.
    expect(await line.job.handler(document, { ...job, withdrawn: never }, never)).toEqual(outcome);
    const { orders, wantPlace } = line.local;
    const ordered = await orders.order({
      kind: "bundle",
      name: undefined,
      lines: undefined,
      place: undefined,
      reason: "",
    });
    if (ordered.kind === "refused") throw new Error(ordered.what);
    wantPlace(ordered.plan, "somebody at the vehicle has asked for it");
    expect(notices.map(({ event }) => event)).toEqual(["upload.place-wanted"]);
    await ask(line, { upload: ordered.plan.id, url: await store.presign({ key: "bundle" }) });
    await until(() => uploaded.length === 2);
    expect(String(store.objects.get("bundle"))).toBe("bundle");
    await until(() => line.status().stored === 2);
    await stop();
    expect(SIGNED.exec(everythingSaid())?.[0]).toBeUndefined();
  });
});
