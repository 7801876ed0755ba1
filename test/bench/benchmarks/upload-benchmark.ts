import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { requestLocal } from "../../../drivers/os/local-socket/local-client.ts";
import { startCommandCloud } from "../../fakes/commands/command-cloud.ts";
import { packedProgram } from "../agent/packed-program.ts";
import { writeIdentity } from "../cloud/certificate-authority.ts";
import { startChild } from "../core/child.ts";
import { until } from "../core/wait.ts";
import { THING, writeVehicle } from "./fleet-vehicle.ts";
import { type Spread, spreadOf } from "./timing.ts";

/** One file to one presigned URL of one store, by the agent and by curl, turn by turn. */
export type UploadFigures = {
  readonly bytes: number;
  /** From the command that names the place until the store has all of it and the record of it is stored. */
  readonly agentBytesPerSecond: Spread;
  /** As curl times itself. */
  readonly curlBytesPerSecond: Spread;
  /** The agent's rate over that of the curl of the same round. */
  readonly ratio: Spread;
};

type Vehicle = { readonly folder: string; readonly file: string; readonly caFile: string };

const PROCESS = join(import.meta.dirname, "../processes/object-store.ts");
const PATIENCE_MS = 120_000;
const told = z.object({ files: z.object({ stored: z.number(), failed: z.number() }), delivery: z.unknown() });
const ended = z.object({ answer: z.object({ status: z.string(), result: z.record(z.string(), z.unknown()) }) });

/** Sends `bytes` `rounds` times by each; a first round does not count. */
export async function benchmarkUpload(bytes: number, rounds: number): Promise<UploadFigures> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  const stops: (() => Promise<unknown>)[] = [];
  try {
    const cloud = await startCommandCloud(join(folder, "cloud"), [THING]);
    stops.push(() => cloud.stop());
    const urls = await startStore(folder, cloud.authority, 2 * (rounds + 1), stops);
    const frames = join(folder, "frames");
    mkdirSync(frames);
    const file = join(frames, "00001-0001.log");
    writeFileSync(file, randomBytes(bytes));
    const { caFile } = cloud.authority;
    const files = { hosts: [new URL(urls[0] ?? "").host], caFile, dayBytes: 1_000_000_000_000 };
    const config = await writeVehicle(folder, cloud, { files, frameLog: { folder: frames } });
    const [program, ...options] = await packedProgram(join(folder, "program"));
    const logFile = join(folder, "agent.log");
    const agent = await startChild({ command: program, args: [...options, "run", "--config", config], logFile });
    stops.push(() => agent.stop(20_000));
    return await measure({ folder, file, caFile }, bytes, urls);
  } finally {
    for (const stop of stops.toReversed()) await stop();
    rmSync(folder, { recursive: true });
  }
}

async function startStore(
  folder: string,
  authority: Awaited<ReturnType<typeof startCommandCloud>>["authority"],
  count: number,
  stops: (() => Promise<unknown>)[],
): Promise<readonly string[]> {
  const subjectAltNames = [{ kind: "ip", value: "127.0.0.1" }] as const;
  const issued = await authority.issue({ commonName: "objects", subjectAltNames, usage: "server" });
  const { certificateFile, keyFile } = writeIdentity(join(folder, "store"), "objects", issued);
  const urls: string[] = [];
  const store = await startChild({
    command: process.execPath,
    args: [PROCESS, certificateFile, keyFile, String(count)],
    logFile: join(folder, "store.log"),
    onLine: (line) => urls.push(line),
  });
  stops.push(() => store.stop());
  const all = (): true | undefined => (urls.length === count ? true : undefined);
  await until(all, { what: "the store is there", timeoutMs: PATIENCE_MS });
  return urls;
}

async function measure(vehicle: Vehicle, bytes: number, urls: readonly string[]): Promise<UploadFigures> {
  const [agent, curl]: [number[], number[]] = [[], []];
  for (let at = 0; at + 1 < urls.length; at += 2) {
    const [seconds, byCurl] = [await byAgent(vehicle, urls[at] ?? ""), await byCurlOf(vehicle, urls[at + 1] ?? "")];
    if (at === 0) continue;
    agent.push(bytes / seconds);
    curl.push(bytes / byCurl);
  }
  return {
    bytes,
    agentBytesPerSecond: spreadOf(agent),
    curlBytesPerSecond: spreadOf(curl),
    ratio: spreadOf(agent.map((rate, at) => rate / (curl[at] ?? Number.NaN))),
  };
}

/** Seconds. The file is held and its hash known before, as the cloud needs them for the URL. */
async function byAgent({ folder }: Vehicle, url: string): Promise<number> {
  const stored = async (): Promise<number | undefined> => {
    const status = await requestLocal(join(folder, "run", "view.sock"), { verb: "status" }).catch(() => undefined);
    return told.safeParse(status).data?.files.stored;
  };
  const before = await until(stored, { what: "the agent answers", timeoutMs: PATIENCE_MS });
  const { upload } = await order(folder, { kind: "capture" });
  const startMs = performance.now();
  await order(folder, { upload, url });
  const isThere = async (): Promise<true | undefined> => ((await stored()) === before + 1 ? true : undefined);
  await until(isThere, { what: "the file is stored", timeoutMs: PATIENCE_MS, everyMs: 10 });
  return (performance.now() - startMs) / 1000;
}

async function order(folder: string, given: object): Promise<Readonly<Record<string, unknown>>> {
  const request = { schemaVersion: 1, action: "file.upload", arguments: given };
  const payload = JSON.stringify({ ...request, issuedAtMs: Date.now(), timeoutMs: 60_000 });
  const socket = join(folder, "run", "admin.sock");
  const raw = await requestLocal(socket, { verb: "commands.run", payload }, AbortSignal.timeout(PATIENCE_MS));
  const { status, result } = ended.parse(raw).answer;
  if (status !== "SUCCEEDED") throw new Error(`file.upload ended ${JSON.stringify(raw)}`);
  return result;
}

/** Seconds. */
async function byCurlOf({ file, caFile }: Vehicle, url: string): Promise<number> {
  const args = [
    "--silent",
    "--show-error",
    "--fail",
    "--cacert",
    caFile,
    "--upload-file",
    file,
    "--output",
    "/dev/null",
  ];
  const { stdout } = await promisify(execFile)("curl", [...args, "--write-out", "%{time_total}", url]);
  return Number(stdout);
}
