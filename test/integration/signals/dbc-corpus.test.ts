import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { isPresent, physicalOf, rawOf } from "../../../agent/signals/codec/signal-value.ts";
import { parseDbcBytes } from "../../../agent/signals/dbc/bytes.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { referenceDecode } from "../../bench/consumers/reference-decoder.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";

// Real DBC files, each with frames and the values that cantools 9.1 decodes from them; kept outside the project.
const CORPUS = process.env.CAUSEWAY_DBC_CORPUS ?? join(import.meta.dirname, "../../../../shared/dbc-corpus");

const vectorValue = z.union([
  z.number(),
  z.object({ int: z.string() }).transform(({ int }) => BigInt(int)),
  z.literal("NaN").transform(() => Number.NaN),
  z.literal("inf").transform(() => Number.POSITIVE_INFINITY),
  z.literal("-inf").transform(() => Number.NEGATIVE_INFINITY),
]);
const vectorValues = z.record(z.string(), vectorValue);
const vector = z.object({ id: z.number(), ext: z.boolean(), data: z.hex() });
const goodVector = vector.extend({ msg: z.string(), raw: vectorValues, phys: vectorValues });
const refusedVector = vector.extend({ error: z.string() });

type Values = Readonly<Record<string, number | bigint>>;
type Decoded = { readonly msg: string; readonly raw: Values; readonly phys: Values };

function tableOf(file: string): SignalTable {
  const { database } = parseDbcBytes(readFileSync(join(CORPUS, file)));
  return createSignalTable([{ bus: "can0", database }]);
}

function decode(table: SignalTable, id: number, extended: boolean, hex: string): Decoded | undefined {
  const message = table.bus("can0").find(id, extended);
  if (message === undefined) return undefined;
  const bytes = Buffer.from(hex, "hex");
  message.decode(bytes, 0, bytes.length, table.values, table.wides, table.present);
  const signals = table.signals
    .slice(message.firstSignal, message.firstSignal + message.signalCount)
    .filter((signal) => isPresent(table, message, signal, bytes.length));
  const raw = signals.map((signal) => [signal.name, rawOf(table, signal)] as const);
  const phys = signals.map((signal) => [signal.name, physicalOf(rawOf(table, signal), signal)] as const);
  return { msg: message.name, raw: Object.fromEntries(raw), phys: Object.fromEntries(phys) };
}

/** `tolerance` is relative; 0 asks for the very same value and type. */
function same(ours: number | bigint | undefined, theirs: number | bigint, tolerance: number): boolean {
  if (ours === undefined || Object.is(ours, theirs)) return ours !== undefined;
  if (tolerance === 0) return ours === theirs;
  return Math.abs(Number(ours) - Number(theirs)) <= tolerance * Math.abs(Number(theirs));
}

function differences(file: string): string[] {
  const table = tableOf(file);
  const lines = readFileSync(join(CORPUS, `${file}.jsonl`), "utf8")
    .split("\n")
    .filter((line) => line !== "");
  return lines.flatMap((line, index) => {
    const content: unknown = JSON.parse(line);
    const refused = refusedVector.safeParse(content);
    if (refused.success) {
      decode(table, refused.data.id, refused.data.ext, refused.data.data);
      return [];
    }
    const wanted = goodVector.parse(content);
    const got = decode(table, wanted.id, wanted.ext, wanted.data);
    const where = `${file}.jsonl:${index + 1} ${wanted.msg}`;
    if (got?.msg !== wanted.msg) return [`${where}: decoded as ${got?.msg}`];
    const extra = Object.keys(got.raw).filter((name) => !(name in wanted.raw));
    const wrongRaw = Object.entries(wanted.raw).filter(([name, value]) => !same(got.raw[name], value, 0));
    const wrongPhys = Object.entries(wanted.phys).filter(([name, value]) => !same(got.phys[name], value, 1e-9));
    return [
      ...extra.map((name) => `${where}.${name}: not in the frame, decoded ${got.raw[name]}`),
      ...wrongRaw.map(([name, value]) => `${where}.${name}: raw ${got.raw[name]}, not ${value}`),
      ...wrongPhys.map(([name, value]) => `${where}.${name}: physical ${got.phys[name]}, not ${value}`),
    ];
  });
}

/** Whether every decoder of a file equals the per-bit reference on random frames of random length; how many frames that were. */
function compareRandomFrames(file: string, random: () => number): number {
  const { database } = parseDbcBytes(readFileSync(join(CORPUS, file)));
  const table = createSignalTable([{ bus: "can0", database }]);
  let frames = 0;
  table.messages.forEach((message, index) => {
    for (let round = 0; round < 60; round++) {
      const length = round % 4 === 0 ? Math.floor(random() * 65) : Math.min(message.length, 64);
      const bytes = Uint8Array.from({ length }, () => Math.floor(random() * 256));
      message.decode(bytes, 0, length, table.values, table.wides, table.present);
      const wanted = referenceDecode(database.messages[index], bytes);
      for (const signal of table.signals.slice(message.firstSignal, message.firstSignal + message.signalCount)) {
        const got = isPresent(table, message, signal, length) ? rawOf(table, signal) : undefined;
        if (`${got}` !== `${wanted.get(signal.name)}`) {
          const data = Buffer.from(bytes).toString("hex");
          expect.fail(`${file} ${message.name}.${signal.name} of ${data}: ${got}, not ${wanted.get(signal.name)}`);
        }
      }
      frames += 1;
    }
  });
  return frames;
}

const present = existsSync(CORPUS);
const files = present ? readdirSync(CORPUS).filter((name) => existsSync(join(CORPUS, `${name}.jsonl`))) : [];

describe("DBC corpus", () => {
  it.skipIf(!present)(`is there${present ? "" : ` (skipped: no corpus at ${CORPUS})`}`, () => {
    expect(files.length).toBeGreaterThan(0);
  });

  it.for(files)("decodes %s as cantools does", (file) => {
    expect(differences(file)).toEqual([]);
  });

  it.skipIf(!present)("decodes 100,000 random frames as the per-bit reference does", () => {
    const random = seededRandom(4711);
    const frames = files.reduce((sum, file) => sum + compareRandomFrames(file, random), 0);
    expect(frames).toBeGreaterThan(100_000);
  });
});
