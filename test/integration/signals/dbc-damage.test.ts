import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { DbcMessage, DbcSignal } from "../../../agent/signals/dbc/model.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";

// Real DBC files, kept outside the project; see dbc-corpus.test.ts.
const CORPUS = process.env.CAUSEWAY_DBC_CORPUS ?? join(import.meta.dirname, "../../../../shared/dbc-corpus");
const present = existsSync(CORPUS);
/** Damages a file. */
const ROUNDS = Number(process.env.CAUSEWAY_DAMAGE_ROUNDS ?? 4);
const SEED = Number(process.env.CAUSEWAY_DAMAGE_SEED ?? 12);

type Random = () => number;

/** Ways in which a line breaks without becoming another good one: cut off, without a mark, with a wrong one, with text in it. */
const DAMAGES: readonly ((line: string, random: Random) => string)[] = [
  (line, random) => line.slice(0, 1 + Math.floor(random() * (line.length - 1))),
  (line, random) => withoutOne(line, random),
  (line, random) => replaced(line, random, "#"),
  (line, random) => replaced(line, random, "\uFFFD\uFFFD"),
];

function withoutOne(line: string, random: Random): string {
  const marks = [...line.matchAll(/[:|@(),[\]"]/g)].map(({ index }) => index);
  const at = marks[Math.floor(random() * marks.length)] ?? line.length - 1;
  return line.slice(0, at) + line.slice(at + 1);
}

function replaced(line: string, random: Random, by: string): string {
  const at = Math.floor(random() * line.length);
  return line.slice(0, at) + by + line.slice(at + 1);
}

/** How the frames of a message are read, signal by signal, by their lines; without texts and names. */
function readingOf({ signals }: DbcMessage): ReadonlyMap<number, string> {
  const startOf = (name: string): number | undefined => signals.find((signal) => signal.name === name)?.startBit;
  const described = ({ line, startBit, bits, byteOrder, kind, signed, factor, offset, multiplexing }: DbcSignal) => {
    const presence = multiplexing === undefined ? [] : [startOf(multiplexing.by), multiplexing.ranges];
    return [line, JSON.stringify([startBit, bits, byteOrder, kind, signed, factor, offset, presence])] as const;
  };
  return new Map(signals.map((signal) => described(signal)));
}

/** What the file with line `at` damaged says otherwise than the whole one, but for what that line itself says. */
function strangers(whole: readonly DbcMessage[], damaged: readonly DbcMessage[], at: number): string[] {
  const known = new Map(whole.map((message) => [`${message.id} ${message.extended}`, message]));
  return damaged.flatMap((message) => {
    const original = known.get(`${message.id} ${message.extended}`);
    if (original === undefined) return message.line === at ? [] : [`${message.name}: is not in the file`];
    const [before, after] = [readingOf(original), readingOf(message)];
    return message.signals
      .filter(({ line }) => line !== at && before.get(line) !== after.get(line))
      .map(({ name }) => `${message.name}.${name}: is read otherwise`);
  });
}

function damage(file: string, random: Random): string[] {
  const text = readFileSync(join(CORPUS, file), "latin1");
  const lines = text.split("\n");
  const { messages } = parseDbc(text).database;
  const wanted = lines.flatMap((line, index) =>
    /^\s*(BO_|SG_|SIG_VALTYPE_|SG_MUL_VAL_|CM_|VAL_|BA_)\s/.test(line) ? [index] : [],
  );
  return Array.from({ length: wanted.length === 0 ? 0 : ROUNDS }, () => {
    const index = wanted[Math.floor(random() * wanted.length)];
    const changed = DAMAGES[Math.floor(random() * DAMAGES.length)](lines[index], random);
    const parsed = parseDbc(lines.with(index, changed).join("\n"));
    return strangers(messages, parsed.database.messages, index + 1).map(
      (problem) => `${file}:${index + 1} ${JSON.stringify(changed)}: ${problem}`,
    );
  }).flat();
}

describe("a damaged line of a DBC file", () => {
  it.skipIf(!present)(
    `never changes how another is read (${ROUNDS} a file, seed ${SEED}${present ? "" : `; skipped: no corpus at ${CORPUS}`})`,
    () => {
      const random = seededRandom(SEED);
      const files = readdirSync(CORPUS).filter((name) => name.endsWith(".dbc"));
      expect(files.flatMap((file) => damage(file, random))).toEqual([]);
    },
  );
});
