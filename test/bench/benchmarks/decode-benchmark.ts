import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbcBytes } from "../../../agent/signals/dbc/bytes.ts";
import type { DbcMessage } from "../../../agent/signals/dbc/model.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { referenceDecode, referenceSignal } from "../consumers/reference-decoder.ts";
import { seededRandom } from "../core/seeded-random.ts";

const DBC_FILE = join(import.meta.dirname, "../../../config/bench-vehicle.dbc");
const FRAMES_PER_MESSAGE = 32;
const STRIDE_BYTES = 80;
const WANTED_ROUNDS = 40;

type Frame = { readonly message: DbcMessage; readonly data: Uint8Array; readonly at: number };

/**
 * Decodes random frames of the bench vehicle with the generated decoders and bit by bit, each for `milliseconds`, in this process.
 *
 * `signals` is the number of signals in the table; the rates are signals decoded a second, `ratio` generated over reference.
 */
export function benchmarkDecode(milliseconds = 500): {
  readonly signals: number;
  readonly generatedPerSecond: number;
  readonly referencePerSecond: number;
  readonly ratio: number;
  readonly wanted: WantedCost;
} {
  const { database } = parseDbcBytes(readFileSync(DBC_FILE));
  const table = createSignalTable([{ bus: "can0", database }]);
  const { frames, bytes } = randomFrames(database.messages);
  const signals = frames.reduce((sum, frame) => sum + referenceDecode(frame.message, frame.data).size, 0);
  const generatedPerSecond = rate(signals, milliseconds, () => decodeGenerated(table, frames, bytes));
  const referencePerSecond = rate(signals, milliseconds, () => decodeReference(table.values, frames));
  const ratio = generatedPerSecond / referencePerSecond;
  const wanted = wantedCost(table, milliseconds, () => decodeGenerated(table, frames, bytes), frames.length);
  return { signals: table.signals.length, generatedPerSecond, referencePerSecond, ratio, wanted };
}

/** What a frame costs to decode, ns, by how many of the signals somebody wants. */
export type WantedCost = {
  readonly allNs: number;
  /** All of them, after a time in which they were not. */
  readonly allAgainNs: number;
  readonly oneOf20Ns: number;
  readonly noneNs: number;
};

/** The least of some rounds that take turns, so that what else the machine does weighs on none of them. */
function wantedCost(table: SignalTable, milliseconds: number, work: () => void, frames: number): WantedCost {
  const count = table.signals.length;
  const every = (step: number): Uint8Array =>
    Uint8Array.from({ length: count }, (_, index) => Number(index % step === 0));
  const least = { allNs: Infinity, allAgainNs: Infinity, oneOf20Ns: Infinity, noneNs: Infinity };
  const note = (name: keyof typeof least): void => {
    measure(milliseconds / 200, work);
    const { rounds, elapsedMs } = measure(milliseconds / 50, work);
    least[name] = Math.min(least[name], (elapsedMs * 1e6) / (rounds * frames));
  };
  for (let round = 0; round < WANTED_ROUNDS; round += 1) {
    note("allNs");
    table.want(every(20));
    note("oneOf20Ns");
    table.want(new Uint8Array(count));
    note("noneNs");
    table.want(every(1));
    note("allAgainNs");
  }
  return least;
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

/** Items a second over at least `milliseconds`, after a warm-up as long as a quarter of it. */
function rate(items: number, milliseconds: number, work: () => void): number {
  measure(milliseconds / 4, work);
  const { rounds, elapsedMs } = measure(milliseconds, work);
  return Math.round((items * rounds * 1000) / elapsedMs);
}

function measure(milliseconds: number, work: () => void): { rounds: number; elapsedMs: number } {
  const start = performance.now();
  let rounds = 0;
  let elapsedMs = 0;
  while (elapsedMs < milliseconds) {
    work();
    rounds += 1;
    elapsedMs = performance.now() - start;
  }
  return { rounds, elapsedMs };
}
