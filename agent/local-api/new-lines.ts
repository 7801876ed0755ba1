import type { z } from "zod";
import type { recentLogs } from "./logs-schema.ts";

/** A line that the agent keeps. */
export type RecentLine = z.infer<typeof recentLogs.answer>["lines"][number];

/** Tells which lines are new to one who asks again and again: of one millisecond some may come later than others. */
export class NewLines {
  #sinceMs: number;
  /** Those of that very millisecond. */
  #seen: Set<string>;

  /** What is older than `sinceMs`, ms since the Unix epoch, and what is among `known` is not new. */
  constructor(sinceMs: number, known: readonly RecentLine[] = []) {
    this.#sinceMs = sinceMs;
    this.#seen = new Set(known.filter(({ atMs }) => atMs === sinceMs).map(keyOf));
  }

  /** From when on to ask, ms since the Unix epoch. */
  get sinceMs(): number {
    return this.#sinceMs;
  }

  /** Those of `lines`, oldest first, that are new; they are not new the next time. */
  take(lines: readonly RecentLine[]): readonly RecentLine[] {
    return lines.filter((line) => this.#isNew(line));
  }

  #isNew(line: RecentLine): boolean {
    if (line.atMs < this.#sinceMs || (line.atMs === this.#sinceMs && this.#seen.has(keyOf(line)))) return false;
    if (line.atMs > this.#sinceMs) [this.#sinceMs, this.#seen] = [line.atMs, new Set()];
    this.#seen.add(keyOf(line));
    return true;
  }
}

function keyOf(line: RecentLine): string {
  return JSON.stringify(line);
}
