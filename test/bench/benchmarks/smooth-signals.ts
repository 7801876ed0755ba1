import { FrameBatch } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import type { DbcDatabase } from "../../../agent/signals/dbc/model.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";

const MESSAGES = 24;
/** Widths of the seven signals that fill eight bytes; the last message has one less, which makes 167. */
const WIDTHS = [16, 16, 8, 8, 8, 4, 4] as const;
const SIGNALS = 167;
const FIRST_ID = 0x100;
/** 2026-01-01T00:00:00Z */
const START_US = 1_767_225_600_000_000;

/** The bus of the table and of the frames. */
export const SMOOTH_BUS = "can0";

/** A table of 24 messages and 167 signals as the real parser and the real decoder generator make it. */
export function smoothTable(): SignalTable {
  return createSignalTable([{ bus: SMOOTH_BUS, database: smoothDatabase() }]);
}

/** What that table is made of. */
export function smoothDatabase(): DbcDatabase {
  const { database, errors } = parseDbc(dbcText());
  if (errors.length > 0) throw new Error(`the benchmark's DBC is broken: ${errors[0].text}`);
  return database;
}

function dbcText(): string {
  const lines = ['VERSION ""', "NS_ :", "BS_:", "BU_: ECU"];
  let signals = 0;
  for (let message = 0; message < MESSAGES; message++) {
    lines.push(`BO_ ${FIRST_ID + message} Message${message}: 8 ECU`);
    let bit = 0;
    for (const width of WIDTHS) {
      if (signals < SIGNALS) {
        const top = 2 ** width - 1;
        lines.push(` SG_ Signal${signals} : ${bit}|${width}@1+ (0.1,0) [0|${top / 10}] "u" ECU`);
      }
      signals += 1;
      bit += width;
    }
  }
  return `${lines.join("\n")}\n`;
}

/**
 * Endless frames of the table in batches: slow sines with noise (0.2 % and 0.06 % of the range of the 16-bit signals, 0 to 2 steps in
 * the 8-bit ones), rare steps in the 4-bit ones; every message as often as every other, with receive times in whole µs that jitter by up to a tenth of a period.
 */
export class SmoothFrames {
  readonly #data = new Uint8Array(8);
  readonly #periodUs: number;
  #made = 0;
  #random = 0x2f6e_2b1;

  constructor(framesPerSecond: number) {
    this.#periodUs = 1_000_000 / framesPerSecond;
  }

  /** The next `count` frames. */
  batch(count: number): FrameBatch {
    const batch = new FrameBatch(count);
    for (let at = 0; at < count; at++) {
      const message = this.#made % MESSAGES;
      const timeUs = this.#made * this.#periodUs;
      this.#fill(message, timeUs / 1_000_000);
      const jitterUs = this.#noise(this.#periodUs / 10);
      batch.push(FIRST_ID + message, 0, this.#data, START_US + Math.round(timeUs + jitterUs));
      this.#made += 1;
    }
    return batch;
  }

  #fill(message: number, seconds: number): void {
    const data = this.#data;
    const wave = Math.sin((seconds / 7) * (1 + message / 10) + message);
    const one = Math.round(30_000 + 20_000 * wave + this.#noise(130));
    const two = Math.round(20_000 - 9000 * wave + this.#noise(40));
    data[0] = one & 0xff;
    data[1] = one >> 8;
    data[2] = two & 0xff;
    data[3] = two >> 8;
    data[4] = Math.round(120 + 100 * wave + this.#noise(2));
    data[5] = Math.round(100 + 40 * wave);
    data[6] = Math.round(60 + 2 * wave + this.#noise(1));
    data[7] = (Math.floor(seconds / 3 + message) & 0xf) | ((Math.floor(seconds / 11) & 0xf) << 4);
  }

  /** Uniform in -bound..bound, from a generator with a fixed seed (Park and Miller's minimal standard). */
  #noise(bound: number): number {
    this.#random = (this.#random * 48_271) % 0x7fff_ffff;
    return ((this.#random / 0x7fff_ffff) * 2 - 1) * bound;
  }
}
