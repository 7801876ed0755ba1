import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { SignedFields } from "../../../agent/commands/canonical.ts";
import { until } from "../core/wait.ts";
import { endOf, startCommand, withCommandedVehicle } from "../vehicle/commanded-vehicle.ts";
import { FRAMES } from "../vehicle/door-vehicle.ts";
import { type Times, timesOf } from "./timing.ts";

const PATIENCE_MS = 20_000;
const PAUSE_MS = 100;
/** The one write of the ledger before an act, as SQLite makes it: the header of its log, synced, and six pages of 4096 bytes, synced. */
const LEDGER_WRITES = [32, 6 * 4120] as const;
const ECHO = "cmd/causeway/bench/echo/request";

/** What commands that act cost. */
export type ActuationFigures = {
  readonly commands: number;
  /** From the publish at the cloud to the first frame at the control unit. */
  readonly commandToFrameMs: Times;
  /** From a publish at the cloud to its arrival at another client of the same broker, in turns with the commands. */
  readonly brokerMs: Times;
  /** The bytes that the ledger writes and syncs before an act, written to the same disk by nothing but that, in turns with them. */
  readonly diskMs: Times;
  /** From the publish to the final status in the cloud, which the vehicle's own signal confirmed. */
  readonly commandToConfirmationMs: Times;
  /** Frames at the control unit beyond those that the commands stand for, and frames with a wrong checksum. */
  readonly extraFrames: number;
  readonly wrongFrames: number;
};

/** What became of commands that must not act. */
export type RejectionFigures = {
  readonly sent: number;
  /** By status and reason. */
  readonly byReason: Readonly<Record<string, number>>;
  readonly frames: number;
};

/** Locks and unlocks the doors of a vehicle on the bench so many times, from the cloud, with the signature and the confirmation. */
export async function benchmarkActuation(commands: number): Promise<ActuationFigures> {
  return await withCommandedVehicle(async ({ vehicle, cloud, folder }) => {
    const { unit } = vehicle;
    const echoes: ((value: number) => void)[] = [];
    await cloud.subscribe(ECHO, () => echoes.shift()?.(performance.now()));
    const [frames, ends, broker, disk]: [number[], number[], number[], number[]] = [[], [], [], []];
    // The first of each loads and compiles, and is left out.
    for (let at = -2; at < commands; at += 1) {
      // Commands come one at a time, to an agent that has nothing left to do for the one before.
      await sleep(PAUSE_MS);
      const echoed = new Promise<number>((resolve) => void echoes.push(resolve));
      const echoStartMs = performance.now();
      await vehicle.cloud.publish(ECHO, new Uint8Array(700));
      const brokerMs = (await echoed) - echoStartMs;
      const diskMs = syncedWrites(folder);
      const framed = new Promise<number>((resolve) => {
        unit.onCommand = () => resolve(performance.now());
      });
      const startMs = performance.now();
      const execution = await startCommand(vehicle, vehicle.signed(at % 2 === 0 ? "doors.lock" : "doors.unlock"));
      const frameMs = (await framed) - startMs;
      const end = await endOf(execution);
      if (end !== "SUCCEEDED") throw new Error(`a command ended with ${end}`);
      if (at < 0) continue;
      frames.push(frameMs);
      ends.push(performance.now() - startMs);
      broker.push(brokerMs);
      disk.push(diskMs);
    }
    return {
      commands,
      commandToFrameMs: timesOf(frames),
      brokerMs: timesOf(broker),
      diskMs: timesOf(disk),
      commandToConfirmationMs: timesOf(ends),
      extraFrames: unit.frames.commands - (commands + 2) * FRAMES,
      wrongFrames: unit.frames.wrong,
    };
  });
}

/** Sends commands that must not act, each kind so many times, and counts the reasons and the frames. */
export async function benchmarkRejections(times: number): Promise<RejectionFigures> {
  return await withCommandedVehicle(async ({ vehicle, status }) => {
    const signed = (change: Partial<SignedFields> = {}) => vehicle.signed("doors.lock", change);
    const used = signed();
    if ((await endOf(await startCommand(vehicle, used))) !== "SUCCEEDED") throw new Error("a good command was refused");
    const before = vehicle.unit.frames.commands;
    const inTime = { issuedAtMs: Date.now(), timeoutMs: 600_000 };
    const kinds: readonly (() => unknown)[] = [
      () => ({ schemaVersion: 1, action: "doors.lock", ...inTime }),
      () => ({ ...signed(), arguments: { altered: 1 } }),
      () => signed({ counter: used.counter }),
      () => signed({ expiresAtMs: Date.now() - 1 }),
      () => signed({ expiresAtMs: Date.now() + 86_400_000 }),
      () => signed({ notBeforeMs: Date.now() + 60_000 }),
      () => signed({ thing: "another-truck" }),
      () => vehicle.signed("doors.open"),
      () => signed({ arguments: { Lock: 2 } }),
      () => ({ ...signed(), id: used.id }),
      () => [],
      () => ({ text: "x".repeat(40_000) }),
    ];
    const byReason: Record<string, number> = {};
    const count = async (kind: () => unknown): Promise<void> => {
      const end = await endOf(await startCommand(vehicle, kind()));
      byReason[end] = (byReason[end] ?? 0) + 1;
    };
    for (const kind of kinds) for (let time = 0; time < times; time += 1) await count(kind);
    // Moving: the condition does not hold any more once the signal has come.
    vehicle.unit.speed = 50;
    const decoded = async (): Promise<number> => (await status())?.buses[0]?.decoded ?? 0;
    const heard = await decoded();
    await until(async () => ((await decoded()) > heard + 9 ? true : undefined), {
      what: "the speed is heard",
      timeoutMs: PATIENCE_MS,
    });
    for (let time = 0; time < times; time += 1) await count(signed);
    return { sent: (kinds.length + 1) * times, byReason, frames: vehicle.unit.frames.commands - before };
  });
}

/** How long what the ledger writes takes to the disk, ms. */
function syncedWrites(folder: string): number {
  const file = openSync(join(folder, "synced"), "w");
  const startMs = performance.now();
  for (const bytes of LEDGER_WRITES) {
    writeSync(file, new Uint8Array(bytes));
    fsyncSync(file);
  }
  const ms = performance.now() - startMs;
  closeSync(file);
  return ms;
}
