import { FrameBatch } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import { encoderOf, type SampleBytes, seal } from "./encode-benchmark.ts";
import { peerDbc } from "./peer-vehicle.ts";
import { smoothCollector } from "./smooth-samples.ts";
import { SMOOTH_BUS } from "./smooth-signals.ts";

const MESSAGES = 60;
const FIRST_ID = 0x100;
const EVERY_MS = 100;
/** Batches of a second, as the agent has them; the first ones, in which signals are seen for the first time, are left out. */
const BATCHES = 20;
const FIRST_BATCHES = 2;
/** 2026-01-01T00:00:00Z */
const START_US = 1_767_225_600_000_000;
const COMPRESSIONS = ["none", "gzip", "zstd"] as const;

/** Payload bytes a sample of 150 signals of 60 messages, collected each 100 ms in batches of a second: what a vehicle sends that has little to say. */
export function benchmarkBatchBytes(framesPerSecond: number): SampleBytes {
  const { database } = parseDbc(peerDbc("thinned"));
  const table = createSignalTable([{ bus: SMOOTH_BUS, database }]);
  const [raw, gzip, zstd] = COMPRESSIONS.map((compression) => {
    const collect = smoothCollector(table, [{ signals: "*", mode: "every", ms: EVERY_MS }]);
    const encoder = encoderOf(table, compression);
    const frames = new PeerFrames(framesPerSecond);
    let samples = 0;
    let bytes = 0;
    for (let batch = 0; batch < BATCHES; batch += 1) {
      const log = collect(frames.second());
      const received = (batch + 1) * framesPerSecond;
      const drafts = encoder.samples(log, [{ bus: SMOOTH_BUS, received, dropped: 0, errorFrames: 0 }]);
      if (batch < FIRST_BATCHES) continue;
      samples += log.count;
      for (const draft of drafts) bytes += seal(draft).length;
    }
    return bytes / samples;
  });
  return { raw, gzip, zstd };
}

/**
 * The frames of frame-generator.c as they are received: those that are due go out together each millisecond, late by a tenth of one at most,
 * each fiftieth time by up to 3 ms.
 */
class PeerFrames {
  readonly #framesPerSecond: number;
  readonly #data = new Uint8Array(8);
  #made = 0;
  #tick = -1;
  #lateUs = 0;
  #random = 1;

  constructor(framesPerSecond: number) {
    this.#framesPerSecond = framesPerSecond;
  }

  second(): FrameBatch {
    const batch = new FrameBatch(this.#framesPerSecond);
    for (let count = 0; count < this.#framesPerSecond; count += 1) {
      const message = this.#made % MESSAGES;
      const seconds = this.#made / this.#framesPerSecond;
      this.#fill(message, seconds);
      batch.push(FIRST_ID + message, 0, this.#data, START_US + this.#receivedAtUs(seconds));
      this.#made += 1;
    }
    return batch;
  }

  #receivedAtUs(seconds: number): number {
    const tick = Math.floor(seconds * 1000) + 1;
    if (tick !== this.#tick) {
      this.#tick = tick;
      const isBusy = this.#uniform() < 0.02;
      this.#lateUs = Math.round(this.#uniform() * (isBusy ? 3000 : 100));
    }
    return tick * 1000 + this.#lateUs;
  }

  #fill(message: number, seconds: number): void {
    const wave = Math.sin((seconds / 7) * (1 + message / 10) + message);
    const one = Math.round(30_000 + 20_000 * wave + this.#noise(130));
    const two = Math.round(20_000 - 9000 * wave + this.#noise(40));
    const slow = (Math.floor(seconds / 3) + message) & 0xf;
    const slower = (Math.floor(seconds / 11) + message) & 0xf;
    const narrow = [Math.round(120 + 100 * wave + this.#noise(2)), Math.round(100 + 40 * wave)];
    this.#data.set([one & 0xff, one >> 8, two & 0xff, two >> 8, ...narrow, slow | (slower << 4), slower | (slow << 4)]);
  }

  #noise(bound: number): number {
    return (this.#uniform() * 2 - 1) * bound;
  }

  /** 0..1, from a generator with a fixed seed (Park and Miller's minimal standard). */
  #uniform(): number {
    this.#random = (this.#random * 48_271) % 0x7fff_ffff;
    return this.#random / 0x7fff_ffff;
  }
}
