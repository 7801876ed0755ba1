import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Child } from "../core/child.ts";
import { SleepingVehicle } from "../vehicle/sleeping-vehicle.ts";
import { type Spread, spreadOf } from "./timing.ts";

/** Between two rounds, ms: AWS IoT takes one CONNECT a second of a client, and so the agent makes no more. */
const PAUSE_MS = 1500;

/** What a wake takes. */
export type WakeFigures = {
  readonly rounds: number;
  /** Until the cloud side has heard "online". */
  readonly onlineMs: Spread;
  /** Until it has the first record of telemetry. */
  readonly recordMs: Spread;
};

/**
 * The agent's process stopped for a while, as by a suspend, with its connection dead without a word meanwhile: keep-alive would find that
 * after 20 minutes. The cheap variant of a suspend to RAM. Times begin when the process runs again.
 */
export async function benchmarkStopped(
  vehicle: SleepingVehicle,
  agent: Child,
  { rounds, stoppedMs }: { readonly rounds: number; readonly stoppedMs: number },
): Promise<WakeFigures> {
  return await measured(vehicle, rounds, async () => {
    agent.signal("SIGSTOP");
    vehicle.proxy.strand();
    await sleep(stoppedMs);
    otherSpeed(vehicle);
    const sinceMs = performance.now();
    agent.signal("SIGCONT");
    return sinceMs;
  });
}

/** The agent asleep in order, and woken by its bus, which it looks at once a second. Times begin when the bus speaks. */
async function benchmarkWoken(vehicle: SleepingVehicle, rounds: number): Promise<WakeFigures> {
  const { unit } = vehicle.doors;
  return await measured(vehicle, rounds, async () => {
    await vehicle.sleep();
    unit.isSilent = true;
    await sleep(3000);
    otherSpeed(vehicle);
    unit.isSilent = false;
    return performance.now();
  });
}

/** Runs a vehicle with its broker and its agent, and stops all of it when `use` has ended. */
export async function withSleepingVehicle(
  use: (bench: {
    stopped(how: { readonly rounds: number; readonly stoppedMs: number }): Promise<WakeFigures>;
    woken(how: { readonly rounds: number }): Promise<WakeFigures>;
  }) => Promise<WakeFigures>,
): Promise<WakeFigures> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-wake-"));
  const vehicle = await SleepingVehicle.start(folder);
  try {
    const agent = await vehicle.startAgent();
    return await use({
      stopped: (how) => benchmarkStopped(vehicle, agent, how),
      woken: ({ rounds }) => benchmarkWoken(vehicle, rounds),
    });
  } finally {
    await vehicle.stop();
    rmSync(folder, { recursive: true });
  }
}

async function measured(vehicle: SleepingVehicle, rounds: number, wake: () => Promise<number>): Promise<WakeFigures> {
  const [online, record]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const sinceMs = await wake();
    online.push(await vehicle.arrivalAfter(sinceMs, "online"));
    record.push(await vehicle.arrivalAfter(sinceMs, "record"));
    await sleep(PAUSE_MS);
  }
  return { rounds, onlineMs: spreadOf(online), recordMs: spreadOf(record) };
}

/** What the bus says from now on differs: a record of it is one of after the wake. */
function otherSpeed({ doors: { unit } }: SleepingVehicle): void {
  unit.speed = (unit.speed + 1) % 100;
}
