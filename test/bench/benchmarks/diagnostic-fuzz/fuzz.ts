import { seededRandom } from "../../core/seeded-random.ts";
import { Dice } from "../campaign-grammar.ts";
import { CODE_TARGETS } from "./code-targets.ts";
import { FILE_TARGETS } from "./file-targets.ts";
import { FRAME_TARGETS } from "./frame-targets.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { J1939_TARGETS } from "./j1939-targets.ts";
import { PDU_TARGETS } from "./pdu-targets.ts";
import { PLACE_TARGETS } from "./place-targets.ts";
import { UDS_TARGETS } from "./uds-targets.ts";

const CHUNK = 1000;
/** A thousand inputs that take longer have one that takes too long. */
const SLOW_CHUNK_MICROS = 500_000;
const MOST_FAILURES = 20;

/** What became of one parser. */
export type FuzzedParser = {
  readonly name: string;
  readonly inputs: number;
  readonly counts: Readonly<Record<string, number>>;
  /** Processor time of an input on average, µs, and of the slowest thousand. */
  readonly meanMicros: number;
  readonly slowestMicros: number;
  readonly failures: readonly string[];
};

export type FuzzSettings = { readonly count: number; readonly seed: number; readonly only?: string | undefined };

/** Names of all parsers. */
export const FUZZ_TARGETS: readonly FuzzTarget[] = [
  ...FRAME_TARGETS,
  ...PDU_TARGETS,
  ...UDS_TARGETS,
  ...J1939_TARGETS,
  ...CODE_TARGETS,
  ...FILE_TARGETS,
  ...PLACE_TARGETS,
];

/** Offers `count` inputs to each parser, one after the other, and tells of each when it is through. Each has a seed of its own, from `seed` and its name. */
export async function fuzzDiagnostics(
  { count, seed, only }: FuzzSettings,
  tell: (parser: FuzzedParser) => void = () => undefined,
): Promise<readonly FuzzedParser[]> {
  const done: FuzzedParser[] = [];
  for (const target of FUZZ_TARGETS.filter(({ name }) => only === undefined || name.includes(only))) {
    const parser = await fuzzOne(target, count, seed);
    tell(parser);
    done.push(parser);
  }
  return done;
}

/** Offers `all` inputs to one parser, or its share of them. */
export async function fuzzOne(
  { name, oneOf = 1, start }: FuzzTarget,
  all: number,
  seed: number,
): Promise<FuzzedParser> {
  const count = Math.ceil(all / oneOf);
  const own = Array.from(name).reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0), seed);
  const course = start(new Dice(seededRandom(own)));
  const failures: string[] = [];
  let [slowestMicros, totalMicros, inputs] = [0, 0, 0];
  while (inputs < count && failures.length < MOST_FAILURES) {
    const before = process.threadCpuUsage();
    for (const end = Math.min(count, inputs + CHUNK); inputs < end; inputs += 1) {
      try {
        const offered = course.offer();
        if (offered instanceof Promise) await offered;
      } catch (thrown) {
        failures.push(`input ${inputs}: ${textOf(thrown)}`);
        if (failures.length >= MOST_FAILURES) break;
      }
    }
    const { user, system } = process.threadCpuUsage(before);
    totalMicros += user + system;
    slowestMicros = Math.max(slowestMicros, (user + system) / CHUNK);
    if (user + system > SLOW_CHUNK_MICROS * oneOf)
      failures.push(`input ${inputs}: slow, ${user + system} µs for ${CHUNK}`);
    const overfull = course.overfull?.();
    if (overfull !== undefined) failures.push(`input ${inputs}: it keeps ${overfull}`);
  }
  const meanMicros = totalMicros / Math.max(1, inputs);
  return { name, inputs, counts: course.counts(), meanMicros, slowestMicros, failures };
}

function textOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const { cause, message, stack } = thrown;
  return cause instanceof Error ? `${message}\n${cause.stack}` : (stack ?? message);
}
