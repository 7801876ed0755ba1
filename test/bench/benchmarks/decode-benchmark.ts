import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbcBytes } from "../../../agent/signals/dbc/bytes.ts";
import type { DbcMessage } from "../../../agent/signals/dbc/model.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { referenceDecode, referenceSignal } from "../consumers/reference-decoder.ts";
import { seededRandom } from "../core/seeded-random.ts";
import { cpuMs, inTurns, ratiosOf, type Spread, spreadOf } from "./timing.ts";

const DBC_FILE = join(import.meta.dirname, "../../../config/bench-vehicle.dbc");
const FRAMES_PER_MESSAGE = 32;
const STRIDE_BYTES = 80;
const ROUNDS = 9;
const WANTED_ROUNDS = 40;

type Frame = { readonly message: DbcMessage; readonly data: Uint8Array; readonly at: number };

/**
 * Decodes random frames of the bench vehicle with the generated decoders and bit by bit, each for `milliseconds` of processor time in all, in this process.
 *
 * `signals` is the number of signals in the table; the rates are signals decoded a second, `ratio` generated over reference in one round.
 */
export function benchmarkDecode(milliseconds = 500): {
  readonly signals: number;
  readonly generatedPerSecond: Spread;
  readonly referencePerSecond: Spread;
  readonly ratio: Spread;
  readonly wanted: WantedCost;
} {
  const { database } = parseDbcBytes(readFileSync(DBC_FILE));
  const table = tableOfVehicle();
  const { frames, bytes } = randomFrames(database.messages);
  const signals = frames.reduce((sum, frame) => sum + referenceDecode(frame.message, frame.data).size, 0);
  const [generated, reference] = inTurns(ROUNDS, [
    () => rate(signals, milliseconds / ROUNDS, () => decodeGenerated(table, frames, bytes)),
    () => rate(signals, milliseconds / ROUNDS, () => decodeReference(table.values, frames)),
  ]);
  return {
    signals: table.signals.length,
    generatedPerSecond: spreadOf(generated),
    referencePerSecond: spreadOf(reference),
    ratio: ratiosOf(generated, reference),
    wanted: wantedCost({ table, milliseconds, frames, bytes }),
  };
}

/** What a frame costs to decode, ns of processor time, by how many of the signals somebody wants. */
export type WantedCost = {
  readonly allNs: Spread;
  /** Against `allNs` of the same round, in a table in which what is wanted changes: all of them after a time in which none was, one signal of 20, and none. */
  readonly allAgain: Spread;
  readonly oneOf20: Spread;
  readonly none: Spread;
};

type WantedLoad = {
  /** In which everything has always been wanted. */
  readonly table: SignalTable;
  readonly milliseconds: number;
  readonly frames: readonly Frame[];
  readonly bytes: Uint8Array;
};

function wantedCost({ table, milliseconds, frames, bytes }: WantedLoad): WantedCost {
  const changing = tableOfVehicle();
  const count = table.signals.length;
  const every = (step: number): Uint8Array =>
    Uint8Array.from({ length: count }, (_, index) => Number(index % step === 0));
  const costNs = (of: SignalTable): number => {
    const work = (): void => decodeGenerated(of, frames, bytes);
    measure(milliseconds / 200, work);
    const { rounds, elapsedMs } = measure(milliseconds / 50, work);
    return (elapsedMs * 1e6) / (rounds * frames.length);
  };
  const whenWanted = (wanted: Uint8Array) => (): number => {
    changing.want(wanted);
    return costNs(changing);
  };
  const [all, allAgain, oneOf20, none] = inTurns(WANTED_ROUNDS, [
    () => costNs(table),
    whenWanted(every(1)),
    whenWanted(every(20)),
    whenWanted(new Uint8Array(count)),
  ]);
  return {
    allNs: spreadOf(all),
    allAgain: ratiosOf(allAgain, all),
    oneOf20: ratiosOf(oneOf20, all),
    none: ratiosOf(none, all),
  };
}

function tableOfVehicle(): SignalTable {
  return createSignalTable([{ bus: "can0", database: parseDbcBytes(readFileSync(DBC_FILE)).database }]);
}

/** Full frames of every message in turn, as on a bus, side by side in one buffer. */
function randomFrames(messages: readonly DbcMessage[]): { frames: readonly Frame[]; bytes: Uint8Array } {
  const random = seededRandom(1);
  const bytes = new Uint8Array(messages.length * FRAMES_PER_MESSAGE * STRIDE_BYTES);
  const frames = Array.from({ length: messages.length * FRAMES_PER_MESSAGE }, (_, index): Frame => {
    const message = messages[index % messages.length];
    const at = index * STRIDE_BYTES;
    const data = bytes.subarray(at, at + message.length);
    data.forEach((_byte, position) => {
      data[position] = Math.floor(random() * 256);
    });
    return { message, data, at };
  });
  return { frames, bytes };
}

function decodeGenerated(table: SignalTable, frames: readonly Frame[], bytes: Uint8Array): void {
  const bus = table.bus("can0");
  const { values, wides, present } = table;
  for (const { message, at } of frames) {
    bus.find(message.id, message.extended)?.decode(bytes, at, message.length, values, wides, present);
  }
}

function decodeReference(values: Float64Array, frames: readonly Frame[]): void {
  for (const { message, data } of frames) {
    let slot = 0;
    let chosen = -1;
    for (const signal of message.signals) {
      const { multiplexing } = signal;
      if (multiplexing?.ranges.some(([first, last]) => chosen >= first && chosen <= last) === false) continue;
      const value = Number(referenceSignal(signal, data));
      if (signal.multiplexer) chosen = value;
      values[slot] = value;
      slot += 1;
    }
  }
}

/** Items a second of processor time, over at least `milliseconds`, after a warm-up as long as a quarter of it. */
function rate(items: number, milliseconds: number, work: () => void): number {
  measure(milliseconds / 4, work);
  const { rounds, elapsedMs } = measure(milliseconds, work);
  return Math.round((items * rounds * 1000) / elapsedMs);
}

function measure(milliseconds: number, work: () => void): { rounds: number; elapsedMs: number } {
  const start = cpuMs();
  let rounds = 0;
  let elapsedMs = 0;
  while (elapsedMs < milliseconds) {
    work();
    rounds += 1;
    elapsedMs = cpuMs() - start;
  }
  return { rounds, elapsedMs };
}
