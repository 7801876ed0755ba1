import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { AppVehicle, benchUsers } from "../vehicle/app-vehicle.ts";

/** What was started, for whoever wants to use it. */
export type ShownApp = {
  readonly schemaVersion: 1;
  readonly url: string;
  readonly users: readonly { readonly user: string; readonly password: string; readonly vehicles: readonly string[] }[];
};

const HELP = `Lines on stdin change the vehicle: a number is its speed in km/h, "sleep" stops its agent in order, "wake" starts it again.
Ctrl-C ends all of it.`;

/**
 * Runs a vehicle with its doors, its agent and the companion app until `signal` aborts. `show` is given what was started once, `say` what
 * happens, in words.
 */
export async function runApp(
  show: (app: ShownApp) => void,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "causeway-bench-app-"));
  let running: AppVehicle | undefined;
  const lines = createInterface({ input: process.stdin });
  try {
    const people = benchUsers();
    running = await AppVehicle.start(folder, people);
    const users = people.map(({ user, password, vehicles }) => ({
      user,
      password,
      vehicles: vehicles.map(({ name }) => name),
    }));
    show({ schemaVersion: 1, url: running.app.origin, users });
    const started = running;
    const { unit } = started.vehicle;
    unit.onCommand = () => say(`the door control unit has had ${unit.frames.commands} command frames`);
    const obey = async (line: string): Promise<void> => say(await change(started, line).catch(String));
    lines.on("line", (line) => void obey(line.trim()));
    await aborted(signal);
  } finally {
    lines.close();
    await running?.stop();
    rmSync(folder, { recursive: true });
  }
}

/** What a person reads who wants to try it. */
export function describeApp({ url, users }: ShownApp): string {
  const people = users.map(
    ({ user, password, vehicles }) => `  ${user.padEnd(6)} password ${password}   vehicle: ${vehicles.join(", ")}`,
  );
  return `The companion app is at ${url}\nSign in as\n${people.join("\n")}\n${HELP}\n`;
}

async function change(running: AppVehicle, line: string): Promise<string> {
  if (line === "sleep") {
    await running.sleep();
    return "the vehicle is asleep";
  }
  if (line === "wake") {
    await running.wake();
    return "the vehicle is awake";
  }
  const speed = Number(line);
  if (line === "" || !(speed >= 0 && speed <= 255)) return 'a speed from 0 to 255, "sleep" or "wake"';
  running.vehicle.unit.speed = Math.floor(speed);
  return `the vehicle goes ${Math.floor(speed)} km/h`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
