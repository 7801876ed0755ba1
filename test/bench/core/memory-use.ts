import { readFileSync, writeFileSync } from "node:fs";

/** Memory of a process as the kernel counts it, MB (10^6 bytes). */
export type MemoryUse = {
  /** Resident: all pages in memory, those of files that others share too. */
  readonly rss: number;
  /** The same with each shared page divided by those who share it. */
  readonly pss: number;
  /** Of `rss`: what only this process has, heaps, stacks and written pages of libraries. */
  readonly anonymous: number;
  /** Of `rss`: pages of programs, libraries and other files, which the kernel can take back at any time. */
  readonly file: number;
  /** Most that was resident at once since the start or the last `resetPeak`. */
  readonly peak: number;
};

/** What the kernel says of a process now (smaps_rollup and VmHWM, proc_pid_smaps(5) and proc_pid_status(5)). Throws where there is none. */
export function memoryUseOf(pid: number): MemoryUse {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const rss = megabytes(rollup, "Rss");
  const anonymous = megabytes(rollup, "Anonymous");
  const peak = megabytes(readFileSync(`/proc/${pid}/status`, "utf8"), "VmHWM");
  return { rss, pss: megabytes(rollup, "Pss"), anonymous, file: rss - anonymous, peak };
}

/** From now on `peak` is that of what comes (proc_pid_clear_refs(5), 5). */
export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function megabytes(text: string, name: string): number {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1];
  if (kib === undefined) throw new Error(`the kernel does not tell ${name}`);
  return (Number(kib) * 1024) / 1e6;
}
