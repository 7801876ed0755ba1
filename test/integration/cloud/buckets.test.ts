import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ClockQuality } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type { FilesLine } from "../../../agent/daemon/parts.ts";
import type { Notice } from "../../../agent/telemetry/record/encode/events.ts";
import type { UploadedFile } from "../../../agent/telemetry/record/encode/uploaded-file.ts";
import { filesConfig } from "../../../config/files.ts";
import { createCredentialsEndpoint } from "../../../drivers/aws/credentials/credentials-endpoint.ts";
import { fileIdentity } from "../../../drivers/aws/identity/file-identity.ts";
import type { TlsIdentity } from "../../../drivers/aws/identity/tls.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { startTinyproxy } from "../../bench/broker/tinyproxy.ts";
import { createAuthority, type RevokingAuthority, writeIdentity } from "../../bench/cloud/certificate-authority.ts";
import { CredentialsProviderBench, type ProviderFault } from "../../bench/cloud/credentials-provider.ts";
import { ObjectStore } from "../../bench/cloud/object-store.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";
import { MemoryLog } from "../../fakes/core/log.ts";
import { fastClock, type RunningFiles, startFiles } from "../../fakes/files/files-line.ts";

const THING = "van-1";
const PART_BYTES = 5_242_880;
const FILE = Buffer.alloc(2 * PART_BYTES + 1234, "the same bytes again and again, but for the parts ");
const SHA256 = createHash("sha256").update(FILE).digest("hex");

let folder = "";
let authority: RevokingAuthority;
let certificateFile = "";
let identity: TlsIdentity;
let store: ObjectStore;
let provider: CredentialsProviderBench;
let log: MemoryLog;
let uploaded: UploadedFile[] = [];
let notices: Notice[] = [];
let secrets: string[] = [];
let quality: ClockQuality = "ntp";
let running: RunningFiles | undefined;

beforeEach(async () => {
  folder = temporaryFolder();
  log = new MemoryLog();
  [uploaded, notices, secrets, quality] = [[], [], [], "ntp"];
  authority = createAuthority(join(folder, "ca"));
  const { certificatePem, privateKeyPem = "" } = await authority.issue({
    commonName: "cloud",
    subjectAltNames: [
      { kind: "ip", value: "127.0.0.1" },
      { kind: "dns", value: "localhost" },
    ],
    usage: "server",
  });
  const tls = { certificatePem, privateKeyPem };
  const device = writeIdentity(folder, "device", await authority.issue({ commonName: THING, usage: "client" }));
  certificateFile = device.certificateFile;
  const broker = { caFile: authority.caFile, port: 443, alpn: "auto", ciphers: "default" } as const;
  identity = fileIdentity(device, broker);
  store = await ObjectStore.start(tls);
  provider = await CredentialsProviderBench.start({
    tls,
    caFile: authority.caFile,
    crlFile: authority.crlFile,
    onIssued: (credentials, expiresAtMs) => {
      secrets.push(credentials.secretAccessKey, credentials.sessionToken, credentials.accessKeyId);
      store.sessions.push({ credentials, expiresAtMs, keyPrefix: `${THING}/` });
    },
  });
  provider.aliases.set("uploads", { durationSeconds: 3600, isAssumable: true });
  provider.aliases.set("no-role", { durationSeconds: 3600, isAssumable: false });
  mkdirSync(join(folder, "frames"));
  writeFileSync(join(folder, "frames", "00001-0001.log"), FILE);
  writeFileSync(join(folder, "van (a+b) ä.dbc"), "VERSION");
});

afterEach(async () => {
  await stop();
  await Promise.all([provider.stop(), store.stop()]);
  const secret = secretIn(everythingSaid());
  if (secret !== undefined) throw new Error(`${secret.slice(0, 4)}... was written or said`);
});

/** A start of the agent's part for uploads, with the journal as it is on the disk. */
async function start(change: Readonly<Record<string, unknown>> = {}, proxyPort?: number): Promise<FilesLine> {
  const bucket = {
    bucket: "bucket",
    region: store.region,
    endpoint: `127.0.0.1:${store.port}`,
    roleAlias: "uploads",
    partBytes: PART_BYTES,
    ...change,
  };
  const buckets = { captures: bucket };
  const credentialsHost = `localhost:${provider.port}`;
  const settings = filesConfig.parse({ credentialsHost, buckets, caFile: authority.caFile });
  const dbc = [{ file: join(folder, "van (a+b) ä.dbc") }];
  const config = {
    stateDir: folder,
    thingName: THING,
    proxy: proxyPort === undefined ? undefined : { host: "127.0.0.1", port: proxyPort, exclude: [] },
    frameLog: { folder: join(folder, "frames") },
    dbc,
  };
  running = await startFiles({ settings, identity, config, uploaded, notices, log, clock: fastClock(() => quality) });
  return running.line;
}

async function stop(): Promise<void> {
  await running?.stop();
  running = undefined;
}

async function ask(
  line: FilesLine,
  given: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const [action] = line.actions;
  const prepared = action?.prepare(given);
  if (prepared?.kind !== "prepared") throw new Error(JSON.stringify(prepared));
  const outcome = await prepared.run(new AbortController().signal, () => undefined);
  if (outcome.kind !== "done") throw new Error(JSON.stringify(outcome));
  return outcome.result;
}

const problemOf = (line: FilesLine): string => line.status().uploads[0]?.problem ?? "";

async function until(isSo: () => boolean): Promise<void> {
  await expect.poll(isSo, { timeout: 10_000, interval: 10 }).toBe(true);
}

/** Whatever the vehicle has written or said: its files but those of the authority and its key. */
function everythingSaid(): string {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^(journal|support)/.test(entry.name))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
  const told = [log.entries, uploaded, notices, running?.line.status()];
  return [...files, JSON.stringify(told)].join("\n");
}

function secretIn(text: string): string | undefined {
  return [...secrets, "canary/", "AWS4-HMAC"].find((secret) => text.includes(secret));
}

describe("the credentials provider", () => {
  const fault = async (roleAlias = "uploads", thing = THING): Promise<string> => {
    const parts = { host: "localhost", port: provider.port, thing, identity, proxy: undefined, clock: systemClock() };
    const asked = createCredentialsEndpoint(parts).ask(roleAlias, new AbortController().signal);
    return await asked.then(
      () => "given",
      (error: unknown) => (error instanceof AgentError ? `${error.code}: ${error.message}` : "a bug"),
    );
  };

  it("gives credentials to the thing of the certificate, and says what is wrong with any other wish", async () => {
    expect(await fault()).toBe("given");
    expect(await fault("nothing")).toMatch(/^upload\.credentials-unfit: .*HTTP 404 Role alias does not exist$/);
    expect(await fault("no-role")).toMatch(/^upload\.credentials-unfit: .*HTTP 400 Unable to assume the role/);
    expect(await fault("uploads", "van-2")).toMatch(
      /^upload\.credentials-refused: .*HTTP 403 Invalid thing name passed$/,
    );
    authority.revoke(readFileSync(certificateFile, "utf8"));
    provider.readRevocations();
    expect(await fault()).toMatch(/^upload\.credentials-refused: .*HTTP 403 Access Denied$/);
  });

  it.each<[ProviderFault, RegExp]>([
    [
      { status: 429, text: '{"message":"Rate exceeded"}' },
      /^upload\.credentials-unavailable: .*HTTP 429 Rate exceeded$/,
    ],
    [{ status: 503, text: "<html>" }, /^upload\.credentials-unavailable: .*HTTP 503$/],
    [{ status: 503, text: "" }, /^upload\.credentials-unavailable: /],
    [{ status: 302, text: "there" }, /^upload\.credentials-unfit: .*HTTP 302$/],
    ["cut", /^upload\.credentials-unavailable: .*AWS_IO_SOCKET_CLOSED$/],
    [{ status: 200, text: "x".repeat(200_000) }, /^upload\.credentials-unavailable: .*more than 16384 bytes$/],
    [{ status: 200, text: '{"credentials":{"accessKeyId":"canary/"}}' }, /^upload\.credentials-unfit: .*can be read$/],
    [{ status: 200, text: "canary/ and no JSON" }, /^upload\.credentials-unfit: .*can be read$/],
    [{ status: 403, text: '{"message":"a\\nb\\u001b[31m"}' }, /^upload\.credentials-refused: .*HTTP 403 a b \[31m$/],
  ])("is told apart by its answer: %j", async (answer, said) => {
    provider.faults.push(answer);
    const told = await fault();
    expect(told).toMatch(said);
    expect(secretIn(told)).toBeUndefined();
  });

  it("is left at once when nobody waits for it any more, and where it says nothing", async () => {
    const stopping = new AbortController();
    provider.faults.push("never");
    const parts = { host: "localhost", port: provider.port, thing: THING, identity, proxy: undefined };
    const asked = createCredentialsEndpoint({ ...parts, clock: systemClock() }).ask("uploads", stopping.signal);
    setTimeout(() => stopping.abort(), 20);
    await expect(asked).rejects.toThrow("stopped");
    provider.faults.push("never");
    await expect(
      createCredentialsEndpoint({ ...parts, clock: fastClock(() => quality) }).ask(
        "uploads",
        new AbortController().signal,
      ),
    ).rejects.toThrow("no answer within 30000 ms");
  });
});

describe("file.upload to a bucket", () => {
  it("sends a file in parts with credentials of the certificate, and tells each part's hash", async () => {
    const line = await start();
    const { upload } = await ask(line, { kind: "capture", bucket: "captures", reason: "case 7" });
    await until(() => uploaded.length === 1);
    const key = `${THING}/${String(upload)}/00001-0001.log`;
    expect(store.objects.get(key)?.equals(FILE)).toBe(true);
    const location = `https://127.0.0.1:${store.port}/bucket/${THING}/${String(upload)}/00001-0001.log`;
    expect(uploaded[0]).toMatchObject({ upload, sha256: SHA256, location, isChecked: true, reason: "case 7" });
    expect(uploaded[0]?.etag).toMatch(/-3"$/);
    expect(store.answered).toEqual({ "POST 200": 2, "PUT 200": 3 });
    expect(provider.answered).toEqual(["GET /role-aliases/uploads/credentials 200"]);
    await until(() => line.status().stored === 1);
    expect(line.status().credentials).toEqual({ given: 1, failed: 0 });
    const dbc = await ask(line, { kind: "dbc", bucket: "captures" });
    await until(() => uploaded.length === 2);
    expect(store.objects.get(`${THING}/${String(dbc.upload)}/van (a+b) ä.dbc`)?.toString()).toBe("VERSION");
  });

  it("goes on behind the parts that the store has, over cuts and restarts, and asks which where an answer was lost", async () => {
    let line = await start();
    store.faults.cutAfterBytes = PART_BYTES / 2;
    const { upload } = await ask(line, { kind: "capture", bucket: "captures" });
    await until(() => (store.answered["PUT 200"] ?? 0) >= 1);
    await stop();
    line = await start();
    await until(() => uploaded.length === 1);
    expect(store.objects.get(`${THING}/${String(upload)}/00001-0001.log`)?.equals(FILE)).toBe(true);
    expect(store.answered["POST 200"]).toBe(2);
    // One half for the cut, and at most one part for the restart.
    expect(store.receivedBytes).toBeLessThanOrEqual(FILE.length + 1.6 * PART_BYTES);
    await until(() => line.status().uploads.length === 0);
  });

  it("renews credentials that the store takes no more, and sends the part again", async () => {
    const line = await start();
    store.faults.answers.push({ status: 400, code: "ExpiredToken" });
    await ask(line, { kind: "capture", bucket: "captures" });
    await until(() => uploaded.length === 1);
    expect(line.status().credentials).toEqual({ given: 2, failed: 0 });
    expect(notices).toEqual([]);
  });

  it("has the store forget the parts of what is given up", async () => {
    let line = await start();
    const { upload } = await ask(line, { kind: "capture", bucket: "captures" });
    await until(() => (line.status().uploads[0]?.sentBytes ?? 0) > 0);
    store.faults.answers.push(...Array.from({ length: 3 }, () => ({ status: 503, code: "SlowDown" })));
    await ask(line, { upload, cancel: true });
    await stop();
    line = await start();
    await until(() => line.status().uploads.length === 0);
    expect([store.uploads.open, store.objects.size, uploaded]).toEqual([[], 0, []]);
  });

  it("says why it gets no credentials", async () => {
    const line = await start();
    provider.denied.add(THING);
    await ask(line, { kind: "dbc", bucket: "captures" });
    await until(() => problemOf(line) !== "");
    expect(problemOf(line)).toMatch(/^upload\.credentials-refused: .* alias uploads: HTTP 403 Access Denied$/);
    expect(line.status().credentials).toEqual({ given: 0, failed: 1 });
  });

  it("goes through the proxy of the link, to the credentials provider and to the store", async () => {
    const proxy = await startTinyproxy({ folder: join(folder, "proxy"), ports: [provider.port, store.port] });
    const line = await start({}, proxy.port);
    await ask(line, { kind: "dbc", bucket: "captures" });
    await until(() => uploaded.length === 1);
    await proxy.stop();
    const ways = [`CONNECT localhost:${provider.port}`, `CONNECT 127.0.0.1:${store.port}`];
    expect(ways.filter((way) => !proxy.log().includes(way))).toEqual([]);
  });

  it("refuses to sign by a clock that nothing vouches for", async () => {
    quality = "saved";
    const line = await start();
    await ask(line, { kind: "dbc", bucket: "captures" });
    await until(() => problemOf(line).startsWith("nothing vouches for the clock"));
    expect(provider.answered).toEqual([]);
    quality = "rtc";
    await until(() => uploaded.length === 1);
  });

  it.each([
    ["a bucket of another account or prefix", { prefix: "other/" }, "the store refuses it: HTTP 403 AccessDenied"],
    ["a wrong region", { region: "us-west-2" }, "the store refuses it: HTTP 400 AuthorizationHeaderMalformed"],
  ])("tells of %s once, and asks again from time to time", async (_, change, why) => {
    const line = await start(change);
    await ask(line, { kind: "dbc", bucket: "captures" });
    await until(() => notices.length === 1);
    expect(problemOf(line)).toBe(why);
    expect(notices[0]).toMatchObject({ event: "upload.refused" });
  });

  it("is checked by a store that curl agrees with", async () => {
    const credentials = { accessKeyId: "ASIACURL", secretAccessKey: "a/b+c", sessionToken: "t//w==" };
    store.sessions.push({ credentials, expiresAtMs: Date.now() + 60_000, keyPrefix: `${THING}/` });
    const file = join(folder, "frames", "curl.txt");
    writeFileSync(file, "by curl");
    const put = async (key: string, secret = credentials.secretAccessKey): Promise<string> => {
      const args = [
        "-sS",
        "-w",
        "%{http_code}",
        "--cacert",
        authority.caFile,
        "--aws-sigv4",
        "aws:amz:eu-central-1:s3",
      ];
      const hash = createHash("sha256").update("by curl").digest("hex");
      const token = `x-amz-security-token: ${credentials.sessionToken}`;
      const headers = ["-H", token, "-H", `x-amz-content-sha256: ${hash}`];
      const url = `https://127.0.0.1:${store.port}/bucket/${key}`;
      const user = `${credentials.accessKeyId}:${secret}`;
      const { stdout } = await promisify(execFile)("curl", [...args, "--user", user, ...headers, "-T", file, url]);
      return stdout;
    };
    expect(await put(`${THING}/curl.txt`)).toBe("200");
    expect(store.objects.get(`${THING}/curl.txt`)?.toString()).toBe("by curl");
    expect(await put(`${THING}/curl.txt`, "other")).toMatch(/SignatureDoesNotMatch.*403$/s);
    expect(await put("van-2/curl.txt")).toMatch(/AccessDenied.*403$/s);
  });
});
