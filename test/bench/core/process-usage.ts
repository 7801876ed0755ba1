import { readFileSync } from "node:fs";

/** Clock ticks a second in /proc (sysconf(_SC_CLK_TCK), 100 on every Linux that Node runs on). */
const TICKS_PER_SECOND = 100;

/** CPU time spent so far, memory held now, and bytes that went to disks so far, those of files that were removed before left out. */
export type ProcessUsage = { readonly cpuUs: number; readonly rssBytes: number; readonly writtenBytes: number };

/** What the kernel says of a process (proc_pid_stat(5), proc_pid_status(5), proc_pid_io(5)); undefined when there is none. */
export function usageOf(pid: number): ProcessUsage | undefined {
  const stat = statFields(pid);
  const status = readOrNothing(`/proc/${pid}/status`);
  if (stat === undefined || status === undefined) return undefined;
  // Fields 14 and 15, utime and stime, counted from 1; the first two are cut off.
  const ticks = Number(stat[11]) + Number(stat[12]);
  const rssKb = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  const io = readOrNothing(`/proc/${pid}/io`) ?? "";
  const [written, cancelled] = ["write_bytes", "cancelled_write_bytes"].map((name) =>
    Number(new RegExp(`^${name}: (\\d+)$`, "m").exec(io)?.[1] ?? 0),
  );
  const writtenBytes = written - cancelled;
  return { cpuUs: (ticks * 1e6) / TICKS_PER_SECOND, rssBytes: rssKb * 1024, writtenBytes };
}

/** When the process began, in ticks since boot; undefined when there is none, or only its exit code is left. */
export function startTimeOf(pid: number): string | undefined {
  const stat = statFields(pid);
  return stat === undefined || stat[0] === "Z" ? undefined : stat[19];
}

/** Fields after the command name, which may itself hold spaces and parentheses. */
function statFields(pid: number): readonly string[] | undefined {
  const text = readOrNothing(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(")") + 2).split(" ");
}

function readOrNothing(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // The process has ended, perhaps between two of the reads.
    return undefined;
  }
}
