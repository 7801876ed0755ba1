import { nearestWord } from "../../core/nearest-word.ts";
import { hexByte } from "./malformed.ts";
import { PIDS, pidOf } from "./pid-table.ts";

/** All PIDs that an ECU supports. */
const EVERY = "*";

/** PIDs that a name stands for, or why it stands for none. */
export type NamedPids =
  | { readonly kind: "pids"; readonly pids: readonly number[] }
  | { readonly kind: "unfit"; readonly problem: string };

/** The PIDs that `name` stands for: that of a value of the table (engine_speed), its number (0x0c), or all of the table for "*". */
export function pidsNamed(name: string): NamedPids {
  if (name === EVERY) return { kind: "pids", pids: PIDS.map(({ pid }) => pid) };
  if (/^0x[0-9a-f]{1,2}$/i.test(name)) {
    const pid = Number(name);
    return pidOf(pid) === undefined
      ? { kind: "unfit", problem: `the layout of PID ${hexByte(pid)} is not known` }
      : { kind: "pids", pids: [pid] };
  }
  const found = PIDS.find(({ signals }) => signals.some((signal) => signal.name === name));
  return found === undefined ? { kind: "unfit", problem: unknownName(name) } : { kind: "pids", pids: [found.pid] };
}

function unknownName(name: string): string {
  const names = PIDS.flatMap(({ signals }) => signals.map((signal) => signal.name));
  const nearest = nearestWord(name, names);
  return `there is no PID ${name}${nearest === undefined ? "" : `; did you mean ${nearest}?`}`;
}
