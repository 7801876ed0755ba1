import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { EXIT } from "../../../agent/core/errors.ts";
import { FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { formatCandumpLog } from "../../../agent/signals/log-formats/candump-text.ts";
import { until } from "../../bench/core/wait.ts";
import { SendSchedule } from "../../bench/vehicle/send-schedule.ts";
import { readVehicle } from "../../bench/vehicle/vehicle-dbc.ts";
import { frameOf } from "../../bench/vehicle/vehicle-model.ts";
import { runProgram } from "../../fakes/daemon/daemon.ts";
import { ReleaseSigner } from "../../fakes/updates/release.ts";

const RUN_TIMEOUT_MS = 90_000;

const summary = z.object({
  framesSent: z.number(),
  framesReceived: z.number(),
  framesDropped: z.number(),
  framesProven: z.number(),
  samples: z.number(),
  recordsStored: z.number(),
  recordsDelivered: z.number(),
  duplicates: z.number(),
  gaps: z.number(),
  mismatches: z.number(),
  unverified: z.number(),
  reportedLost: z.number(),
  pending: z.number(),
  bytesPayload: z.number(),
  bytesPerSample: z.number(),
  cpuMicrosPerFrame: z.number(),
  writtenPerPayloadByte: z.number(),
  rssMb: z.number(),
  firstPubackMs: z.number().nullable(),
  agentStarts: z.number(),
  agentCrashes: z.number(),
  bus: z.string(),
  key: z.string(),
  sink: z.object({ folder: z.string(), records: z.number(), samples: z.number() }).nullable(),
  remarks: z.array(z.string()),
});

type Run = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

describe("scripts/bench", () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  function start(name: string, ...args: readonly string[]): { readonly pid: number; readonly ended: Promise<Run> } {
    const child = spawn(process.execPath, ["scripts/bench.ts", "--json", "--state", join(folder, name), ...args]);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (part: Buffer) => (stdout += part.toString()));
    child.stderr.on("data", (part: Buffer) => (stderr += part.toString()));
    const ended = new Promise<Run>((resolve) => child.once("close", (code) => resolve({ code, stdout, stderr })));
    if (child.pid === undefined) throw new Error("the bench has no process id");
    return { pid: child.pid, ended };
  }

  async function bench(name: string, ...args: readonly string[]): Promise<z.infer<typeof summary>> {
    const { code, stdout, stderr } = await start(name, ...args).ended;
    expect(`${stderr}${code === 0 ? "" : stdout}`).not.toMatch(/Error|failed|"remarks":\["/);
    expect(code).toBe(0);
    const value: unknown = JSON.parse(stdout);
    return summary.parse(value);
  }

  it(
    "delivers every record once the link is back and the killed agent runs again, and the cloud's workers put each into files once",
    async () => {
      const rows = join(folder, "rows");
      const result = await bench("disturbed", "--seconds", "14", "--cut", "3..7", "--kill-at", "9", "--sink", rows);
      expect(result).toMatchObject({
        gaps: 0,
        mismatches: 0,
        unverified: 0,
        pending: 0,
        reportedLost: 0,
        agentStarts: 2,
      });
      expect(result.framesSent).toBeGreaterThan(14 * 1900);
      expect(result.recordsDelivered).toBe(result.recordsStored);
      expect(result.sink).toMatchObject({ folder: rows, samples: result.samples });
      // Of what the agents received, only what the killed one had not stored yet is lost: less than a second of 2019 frames.
      expect(result.framesProven).toBeGreaterThan(result.framesReceived - 2019);
      expect(result.framesReceived).toBeGreaterThan(result.framesSent / 2);
      expect(result.key).toContain("TPM 2.0");
    },
    RUN_TIMEOUT_MS,
  );

  it(
    "replays a log, and accounts for each of its frames",
    async () => {
      const logFile = join(folder, "drive.log");
      const frames = writeLog(logFile, 4);
      const result = await bench("replay", "--replay", logFile, "--dbc", "config/bench-vehicle.dbc", "--speed", "2");
      expect(result).toMatchObject({
        framesSent: frames,
        framesReceived: frames,
        framesProven: frames,
        framesDropped: 0,
      });
      expect(result).toMatchObject({ gaps: 0, mismatches: 0, unverified: 0, pending: 0, agentStarts: 1 });
    },
    RUN_TIMEOUT_MS,
  );

  it(
    "locks and unlocks the doors of a vehicle, and shows what a command without a signature does: nothing",
    async () => {
      const { code, stdout, stderr } = await start("doors", "--doors").ended;
      const { commands } = z.object({ commands: z.array(z.looseObject({})) }).parse(JSON.parse(stdout));
      expect([code, stderr]).toEqual([
        0,
        "bench: starting a vehicle with a door control unit, its broker and the agent\n",
      ]);
      expect(commands).toMatchObject([
        { action: "doors.lock", end: "SUCCEEDED", frames: 3, isLocked: true },
        { action: "doors.unlock", end: "SUCCEEDED", frames: 3, isLocked: false },
        { action: "doors.lock", end: "REJECTED SIGNATURE_MISSING", frames: 0, isLocked: false },
      ]);
    },
    RUN_TIMEOUT_MS,
  );

  it(
    "takes an update of a trust root that it was given while it drives, over a restart that is no crash",
    async () => {
      const releaseSigner = new ReleaseSigner(join(folder, "releases"));
      const log = { name: "agent.d/log.yaml", content: "log: {level: debug}\n" };
      const set = { kind: "files", name: "log", entries: [log] } as const;
      const { path } = releaseSigner.bundle([set], { component: "log", hardware: ["bench"] });
      const driven = bench("updated", "--seconds", "20", "--root", releaseSigner.rootFile);
      const config = join(folder, "updated", "agent.yaml");
      const install = async (): Promise<true | undefined> => {
        const { code } = await runProgram(["ota", "install", path, "--config", config]);
        return code === 0 || code === EXIT.nothingToDo ? true : undefined;
      };
      await until(install, { what: "the update is installed", timeoutMs: RUN_TIMEOUT_MS, everyMs: 500 });
      expect(await driven).toMatchObject({ gaps: 0, mismatches: 0, pending: 0, agentStarts: 2, agentCrashes: 0 });
    },
    RUN_TIMEOUT_MS,
  );

  it(
    "refuses to run twice in one folder, takes over what a killed run left, and ends cleanly at Ctrl-C",
    async () => {
      const first = start("twice");
      const lockFile = join(folder, "twice", "lock");
      await until(() => readOrNothing(lockFile), { what: "the first bench has its lock", timeoutMs: 20_000 });
      const second = await start("twice").ended;
      expect(second).toMatchObject({ code: 69, stdout: "" });
      expect(second.stderr).toMatch(/another bench is running here \(process \d+\)/);
      process.kill(first.pid, "SIGKILL");
      await first.ended;
      const third = start("twice");
      const environment = join(folder, "twice", "env");
      await until(() => readOrNothing(environment), { what: "the third bench runs", timeoutMs: 60_000 });
      const log = join(folder, "twice", "logs", "consumer-1.log");
      await until(() => readOrNothing(log, true), { what: "its consumers run", timeoutMs: 60_000 });
      process.kill(third.pid, "SIGINT");
      const { code, stdout } = await third.ended;
      // Interrupted while starting it has no result; afterwards it has one.
      expect(code === 130 || stdout.includes('"gaps":0')).toBe(true);
      expect(readOrNothing(lockFile)).toBeUndefined();
    },
    RUN_TIMEOUT_MS,
  );
});

/** A candump log of the simulated vehicle; gives the number of frames. */
function writeLog(file: string, seconds: number): number {
  const vehicle = readVehicle("config/bench-vehicle.dbc");
  const due = new SendSchedule(vehicle.map(({ periodMs }) => periodMs)).take(seconds * 1000, 100_000);
  const lines = due.map(({ message, n }, index) => {
    const { id, extended, fd } = vehicle[message];
    const flags = (extended ? FRAME_FLAG.extended : 0) + (fd ? FRAME_FLAG.fd : 0);
    const receivedAtUs = 1_735_270_496_000_000 + Math.round((index / due.length) * seconds * 1e6);
    return formatCandumpLog("can0", { id, flags, data: frameOf(vehicle[message], n, 1), receivedAtUs });
  });
  writeFileSync(file, `${lines.join("\n")}\n`);
  return lines.length;
}

/** Content of a file; undefined while there is none, or (unless `maybeEmpty`) nothing in it. */
function readOrNothing(file: string, maybeEmpty = false): string | undefined {
  try {
    const text = readFileSync(file, "utf8");
    return text === "" && !maybeEmpty ? undefined : text;
  } catch {
    // Not there yet, or not there any more: both are asked for.
    return undefined;
  }
}
