import { readdirSync, readFileSync } from "node:fs";
import { usageOf } from "./process-usage.ts";

/** What a process and all that it started take: `rssBytes` counts what they share once for each. */
export type TreeUsage = { readonly rssBytes: number; readonly writtenBytes: number };

/**
 * CPU time of a process, its threads and its descendants, to the nanosecond (/proc/PID/task/TID/schedstat; /proc/PID/stat has steps of 10 ms).
 *
 * `takeUs` gives what they used since the last call, µs; the first call gives 0. What a thread or child used before it ended and after the last call is not in it.
 */
export class TreeClock {
  readonly #pid: number;
  #before = new Map<string, number>();
  #isFirst = true;

  constructor(pid: number) {
    this.#pid = pid;
  }

  takeUs(): number {
    const now = new Map(treeOf(this.#pid).flatMap(threadsOf));
    const used = [...now].reduce((sum, [thread, ns]) => sum + ns - (this.#before.get(thread) ?? 0), 0);
    this.#before = now;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    return isFirst ? 0 : used / 1000;
  }
}

/** Throws when the process has ended. */
export function treeUsage(pid: number): TreeUsage {
  const usages = treeOf(pid).flatMap((one) => usageOf(one) ?? []);
  if (usages.length === 0) throw new Error(`process ${pid} has ended`);
  return {
    rssBytes: usages.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    writtenBytes: usages.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0),
  };
}

/** A process and its descendants. */
function treeOf(pid: number): readonly number[] {
  const children = threadIds(pid).flatMap((thread) => (read(`/proc/${pid}/task/${thread}/children`) ?? "").split(" "));
  return [pid, ...children.filter((child) => child !== "").flatMap((child) => treeOf(Number(child)))];
}

function threadsOf(pid: number): readonly (readonly [string, number])[] {
  return threadIds(pid).flatMap((thread) => {
    const ns = read(`/proc/${pid}/task/${thread}/schedstat`)?.split(" ")[0];
    return ns === undefined ? [] : [[thread, Number(ns)] as const];
  });
}

function threadIds(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // It has ended.
    return [];
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // Ended between two of the reads.
    return undefined;
  }
}
