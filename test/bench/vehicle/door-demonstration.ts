import { type CommandedVehicle, endOf, startCommand, withCommandedVehicle } from "./commanded-vehicle.ts";
import { FRAMES } from "./door-vehicle.ts";

/** One command to the doors, and what became of it. Times are from its publish at the cloud, ms. */
export type ShownCommand = {
  readonly action: string;
  readonly isSigned: boolean;
  /** Status in the cloud, and reason. */
  readonly end: string;
  /** Command frames at the door control unit. */
  readonly frames: number;
  readonly firstFrameMs: number | undefined;
  readonly endMs: number;
  /** As the unit says. */
  readonly isLocked: boolean;
  /** Whether all of it is as it should be. */
  readonly isGood: boolean;
};

const COMMANDS = [
  { action: "doors.lock", isSigned: true, isLocked: true },
  { action: "doors.unlock", isSigned: true, isLocked: false },
  { action: "doors.lock", isSigned: false, isLocked: false },
] as const;

/** Locks and unlocks the doors of a vehicle on the bench from the cloud, and tries it without a signature; gives each to `onShown` when it has ended. */
export async function demonstrateDoors(
  onShown: (command: ShownCommand) => void,
  signal: AbortSignal,
): Promise<readonly ShownCommand[]> {
  return await withCommandedVehicle(async (running) => {
    const shown: ShownCommand[] = [];
    for (const command of COMMANDS) {
      signal.throwIfAborted();
      const one = await show(running, command);
      shown.push(one);
      onShown(one);
    }
    return shown;
  });
}

/** A command as a line for people. */
export function describeShown({ action, isSigned, end, frames, firstFrameMs, endMs, isLocked }: ShownCommand): string {
  const asked = `${action.padEnd(13)}${(isSigned ? "signed" : "not signed").padEnd(12)}`;
  const first = firstFrameMs === undefined ? "" : ` (the first after ${Math.round(firstFrameMs)} ms)`;
  const doors = isLocked ? "locked" : "unlocked";
  return `${asked}${end} after ${Math.round(endMs)} ms; ${frames} frames${first}; the doors say: ${doors}`;
}

async function show(
  { vehicle }: CommandedVehicle,
  { action, isSigned, isLocked: wanted }: (typeof COMMANDS)[number],
): Promise<ShownCommand> {
  const { unit } = vehicle;
  const { signature, ...bare } = vehicle.signed(action);
  const before = unit.frames.commands;
  let firstFrameMs: number | undefined;
  const startMs = performance.now();
  unit.onCommand = () => {
    firstFrameMs ??= performance.now() - startMs;
  };
  const end = await endOf(await startCommand(vehicle, isSigned ? { ...bare, signature } : bare));
  const endMs = performance.now() - startMs;
  const frames = unit.frames.commands - before;
  const { isLocked } = unit;
  const expected = isSigned ? ["SUCCEEDED", FRAMES] : ["REJECTED SIGNATURE_MISSING", 0];
  const isGood = end === expected[0] && frames === expected[1] && isLocked === wanted;
  return { action, isSigned, end, frames, firstFrameMs, endMs, isLocked, isGood };
}
