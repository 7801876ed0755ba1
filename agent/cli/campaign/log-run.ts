import { printable } from "../../core/plain-text.ts";
import { type LogEntry, type LogPiece, placeOf } from "../../signals/log-formats/log-entry.ts";
import type { CliContext } from "../context.ts";
import type { LogSpan } from "./timeline.ts";

/** Entries of a log that are looked at before it is played, to learn which interfaces it has. */
const PEEKED_ENTRIES = 20_000;

/** What became of the entries of a log. */
export type LogCounts = {
  frames: number;
  malformed: number;
  /** Frames that the log has no time for. */
  untimed: number;
  /** Frames by the interface that is none of the buses. */
  readonly strange: Map<string, number>;
};

/** The beginning of a log and the rest of it. */
export type PeekedLog = {
  readonly pieces: AsyncIterable<LogPiece>;
  /** Interfaces in the beginning, in the order in which they come. */
  readonly interfaces: readonly string[];
  /** Time of the first frame that has one, µs since the Unix epoch; undefined where the beginning has none. */
  readonly startUs: number | undefined;
};

/** Looks at the beginning of a log. */
export async function peekLog(log: AsyncIterable<LogPiece>): Promise<PeekedLog> {
  const iterator = log[Symbol.asyncIterator]();
  const seen: LogPiece[] = [];
  let entries = 0;
  while (entries < PEEKED_ENTRIES) {
    const next = await iterator.next();
    if (next.done === true) break;
    seen.push(next.value);
    entries += next.value.entries.length;
  }
  const frames = seen.flatMap((piece) => piece.entries.filter((entry) => entry.kind === "frame" && entry.timed));
  const timed = frames.flatMap((entry) => (entry.kind === "frame" ? [entry] : []));
  return {
    pieces: joined(seen, iterator),
    interfaces: [...new Set(timed.map(({ bus }) => bus))],
    startUs: timed[0]?.frame.receivedAtUs,
  };
}

async function* joined(seen: readonly LogPiece[], rest: AsyncIterator<LogPiece>): AsyncGenerator<LogPiece> {
  yield* seen;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** Takes the entries of a log in their order. What makes no sense is told on stderr and left out. */
export class LogPlayer {
  readonly counts: LogCounts = { frames: 0, malformed: 0, untimed: 0, strange: new Map() };
  readonly #context: CliContext;
  readonly #name: string;
  #fromUs = Number.POSITIVE_INFINITY;
  #toUs = Number.NEGATIVE_INFINITY;

  constructor(context: CliContext, name: string) {
    this.#context = context;
    this.#name = name;
  }

  /** Earliest and latest time of a frame. */
  get span(): LogSpan {
    return { fromUs: this.#fromUs, toUs: this.#toUs };
  }

  /** `take` says whether a bus is one of the vehicle's. */
  play({ entries, format }: LogPiece, take: (entry: Extract<LogEntry, { kind: "frame" }>) => boolean): void {
    const { counts } = this;
    for (const entry of entries) {
      if (entry.kind === "malformed") {
        counts.malformed += 1;
        const place = placeOf(this.#name, format, entry.at, entry.column);
        this.#context.terminal.stderr.write(`${place} error: ${printable(entry.problem)}\n`);
      } else if (!entry.timed) counts.untimed += 1;
      else if (take(entry)) {
        const { receivedAtUs } = entry.frame;
        counts.frames += 1;
        if (receivedAtUs < this.#fromUs) this.#fromUs = receivedAtUs;
        if (receivedAtUs > this.#toUs) this.#toUs = receivedAtUs;
      } else counts.strange.set(entry.bus, (counts.strange.get(entry.bus) ?? 0) + 1);
    }
  }
}
