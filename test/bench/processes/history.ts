import { z } from "zod";
import { FrameBatch } from "../../../agent/ports/frame.ts";
import type { Capture } from "../../../agent/telemetry/history/capture.ts";
import { FrameHistory } from "../../../agent/telemetry/history/frame-history.ts";
import { HistoryFilter } from "../../../agent/telemetry/history/history-filter.ts";
import { packHistory, unpackHistory } from "../../../agent/telemetry/history/kept-history.ts";
import type { HistoryFigures, HistoryOptions } from "../benchmarks/history-benchmark.ts";
import { median } from "../benchmarks/timing.ts";

const T0_US = 1_767_225_600_000_000;
const BATCH_FRAMES = 256;
const BUSES = ["can0", "can1"];
const WARM_UP_FRAMES = 300_000;
const SLICE_FRAMES = 4096;
const WANTS = new HistoryFilter(BUSES.map((_, bus) => ({ kind: "bus", bus })));
/** 29-bit ids that no frame has: the dearest look. */
const OTHERS = new HistoryFilter([
  { kind: "id", bus: 0, id: 1, extended: true },
  { kind: "pgn", bus: 0, pgn: 0xfef1 },
]);

/** Gives frames to a history batch by batch, as a driver does; times go on over the calls. */
class Feeder {
  readonly #history: FrameHistory;
  readonly #batch = new FrameBatch(BATCH_FRAMES);
  readonly #data: Uint8Array;
  readonly #stepUs: number;
  #sent = 0;

  constructor(history: FrameHistory, options: HistoryOptions) {
    this.#history = history;
    this.#data = new Uint8Array(options.dataBytes).fill(0x5a);
    this.#stepUs = 1e6 / options.framesPerSecond;
  }

  get timeUs(): number {
    return T0_US + this.#sent * this.#stepUs;
  }

  /** ns a frame in the middle one of its batches, making them not counted: the machine may do other things meanwhile. */
  push(frames: number): number {
    const costsNs: number[] = [];
    for (let left = frames; left > 0; left -= BATCH_FRAMES) {
      this.#fill(Math.min(left, BATCH_FRAMES));
      const bus = costsNs.length % BUSES.length;
      const start = performance.now();
      for (let at = 0; at < this.#batch.count; at++) this.#history.push(bus, this.#batch, at);
      costsNs.push(((performance.now() - start) * 1e6) / this.#batch.count);
    }
    return median(costsNs);
  }

  #fill(frames: number): void {
    this.#batch.count = 0;
    for (let at = 0; at < frames; at++) {
      this.#sent += 1;
      this.#batch.push(0x18fe_f100 + (at & 0xff), 1, this.#data, this.timeUs);
    }
  }
}

function main(options: HistoryOptions): HistoryFigures {
  warmUp(options);
  const history = new FrameHistory({ maxBytes: options.maxBytes, buses: BUSES.length });
  const feeder = new Feeder(history, options);
  const frames = options.seconds * options.framesPerSecond;
  const before = settled();
  history.use(WANTS, options.seconds * 1000);
  const pushNs = feeder.push(frames);
  const { bytes, usedBytes, frames: held, oldestUs = 0, newestUs = 0, overwrittenEarly } = history.figures();
  feeder.push(Math.ceil((bytes / usedBytes) * frames));
  const overwriteNs = feeder.push(frames);
  const filled = settled();
  history.use(OTHERS, 0);
  const unwantedNs = feeder.push(frames);
  history.use(WANTS, options.seconds * 1000);
  return {
    bytes,
    usedBytes,
    frames: held,
    heldSeconds: (newestUs - oldestUs) / 1e6,
    overwrittenEarly,
    pushNs,
    overwriteNs,
    unwantedNs,
    heapGrowthBytes: filled.heapUsed - before.heapUsed,
    rssGrowthBytes: filled.rss - before.rss,
    ...readAll(history, feeder.timeUs),
    ...packAll(history),
  };
}

/** Until everything is compiled. */
function warmUp(options: HistoryOptions): void {
  const history = new FrameHistory({ maxBytes: 65_536, buses: BUSES.length });
  history.use(WANTS, 1000);
  const feeder = new Feeder(history, options);
  for (const filter of [WANTS, OTHERS, WANTS]) {
    history.use(filter, 1000);
    feeder.push(WARM_UP_FRAMES);
  }
  for (let round = 0; round < 100; round++) readAll(history, feeder.timeUs);
}

function readAll(history: FrameHistory, timeUs: number): Pick<HistoryFigures, "beginMs" | "readNs"> {
  const order = { name: "bench", timeUs, nowMs: 0, beforeMs: 1e9, afterMs: 0, notBefore: 0, wants: WANTS };
  const start = performance.now();
  const capture = history.begin(order);
  const begun = performance.now();
  if (capture === undefined) throw new TypeError("the history refused a capture");
  capture.finish();
  readCapture(capture);
  const readNs = ((performance.now() - begun) * 1e6) / capture.frames;
  return { beginMs: begun - start, readNs };
}

function readCapture(capture: Capture): void {
  let sum = 0;
  while (!capture.isDone) {
    capture.read(SLICE_FRAMES, 0, (_bus, bytes, at, length) => {
      sum += length > 0 ? bytes[at] : 0;
    });
  }
  if (sum !== capture.frames * 0x5a) throw new TypeError("a frame is not what was pushed");
}

function packAll(history: FrameHistory): Pick<HistoryFigures, "packMs" | "packedBytes" | "unpackMs"> {
  const start = performance.now();
  const packed = packHistory(history, BUSES, 1e9);
  const packedAt = performance.now();
  if (packed === undefined) throw new TypeError("the history is empty");
  const { frames, bytes } = history.figures();
  const next = new FrameHistory({ maxBytes: bytes, buses: BUSES.length });
  next.use(WANTS, 0);
  const unpacked = unpackHistory(packed, next, BUSES);
  if (unpacked.kind !== "unpacked" || unpacked.frames !== frames) throw new TypeError("it does not come back whole");
  return { packMs: packedAt - start, packedBytes: packed.length, unpackMs: performance.now() - packedAt };
}

/** Memory after everything that can be freed was. */
function settled(): NodeJS.MemoryUsage {
  for (let round = 0; round < 3; round++) globalThis.gc?.();
  return process.memoryUsage();
}

const [text = ""] = process.argv.slice(2);
const given: unknown = JSON.parse(text);
const options = z.object({
  maxBytes: z.number(),
  seconds: z.number(),
  framesPerSecond: z.number(),
  dataBytes: z.number(),
});
process.stdout.write(`${JSON.stringify(main(options.parse(given)))}\n`);
