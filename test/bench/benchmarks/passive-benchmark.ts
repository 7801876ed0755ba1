import { PassiveIsoTp } from "../../../agent/diagnostics/isotp/passive-isotp.ts";
import { BusFrameTap } from "../../../agent/diagnostics/tester/frame-tap.ts";
import { FRAME_FLAG, FrameBatch } from "../../../agent/ports/frame.ts";
import { J1939Transport } from "../../../agent/signals/transport/j1939-transport.ts";
import { noCounts } from "../../../agent/signals/transport/partial-messages.ts";
import { seededRandom } from "../core/seeded-random.ts";
import { Dice } from "./campaign-grammar.ts";
import { isoTpFrames } from "./diagnostic-fuzz/fuzz-inputs.ts";
import { type Spread, spreadOf } from "./timing.ts";

const BATCH = 1000;
const ROUNDS = 9;
/** The kernel counts processor time in steps of some ms. */
const ROUND_MS = 150;
const SEED = 16;

/** Processor time, ns. */
export type PassiveFigures = {
  /** Of a frame of another conversation that is put together. */
  readonly isotpNs: Spread;
  /** Of a frame of a J1939 transfer (two or three make a message). */
  readonly j1939Ns: Spread;
  /** Of a frame that diagnostics look at and do not want: taps on a bus of OBD, UDS and J1939, and one without any. */
  readonly unwantedNs: Spread;
  readonly noTapNs: Spread;
};

/** Listening alone, each part by itself. */
export function benchmarkPassive(): PassiveFigures {
  const isotp = isoTpBatch();
  const passive = new PassiveIsoTp(
    { addressByte: false, maxConversations: 64, maxPduBytes: 4095, maxBytes: 262_144 },
    () => undefined,
  );
  const transfers = bamFrames();
  const transport = new J1939Transport(noCounts(), () => true);
  let nowUs = 0;
  const traffic = trafficBatch();
  return {
    isotpNs: nsOf(isotp.length, () => {
      for (const frame of isotp) passive.take(frame);
    }),
    j1939Ns: nsOf(transfers.length, () => {
      for (const { id, data } of transfers) transport.take(id, data, 0, data.length, (nowUs += 1000));
    }),
    unwantedNs: nsOf(BATCH, tapped(OBD_UDS_J1939, traffic)),
    noTapNs: nsOf(BATCH, tapped([], traffic)),
  };
}

/** What a bus of all three kinds asks for. */
const OBD_UDS_J1939 = [
  ...Array.from({ length: 8 }, (_, at) => ({ id: 0x7e0 + at, mask: 0x7ff, extended: false })),
  { id: 0x7df, mask: 0x7ff, extended: false },
  { id: 0x7e8, mask: 0x7f8, extended: false },
  { id: 0x748, mask: 0x7ff, extended: false },
  { id: 0x18da_f100, mask: 0x1fff_ff00, extended: true },
  { id: 0x00fe_ca00, mask: 0x03ff_ff00, extended: true },
  { id: 0x00ec_0000, mask: 0x03ff_0000, extended: true },
  { id: 0x00eb_0000, mask: 0x03ff_0000, extended: true },
];

function tapped(filters: typeof OBD_UDS_J1939, batch: FrameBatch): () => void {
  const tap = new BusFrameTap(() => undefined);
  for (const filter of filters) tap.on([filter], () => undefined);
  return () => tap.onFrames(batch);
}

/** Frames that nobody of diagnostics asks for, half of them with 29 bits. */
function trafficBatch(): FrameBatch {
  const batch = new FrameBatch(BATCH);
  const data = new Uint8Array(8);
  for (let at = 0; at < BATCH; at += 1) {
    const extended = at % 2 === 1;
    batch.push(extended ? 0x18f0_0400 + at : 0x100 + (at % 0x400), extended ? FRAME_FLAG.extended : 0, data, at);
  }
  return batch;
}

function isoTpBatch() {
  const dice = new Dice(seededRandom(SEED));
  return Array.from({ length: BATCH }, () => isoTpFrames(dice, 0x7e8 + dice.below(8)))
    .filter((frames) => frames.length < 60)
    .flat();
}

function bamFrames() {
  const group = [0xca, 0xfe, 0x00];
  return Array.from({ length: 200 }, (_, source) => [
    { id: (0x1cec_ff00 | source) >>> 0, data: Uint8Array.from([32, 14, 0, 2, 255, ...group]) },
    { id: (0x1ceb_ff00 | source) >>> 0, data: Uint8Array.from([1, 4, 255, 100, 0, 1, 5, 8]) },
    { id: (0x1ceb_ff00 | source) >>> 0, data: Uint8Array.from([2, 240, 255, 126, 1, 2, 3, 4]) },
  ]).flat();
}

function nsOf(frames: number, work: () => void): Spread {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const [start, endMs] = [process.threadCpuUsage(), performance.now() + ROUND_MS];
    let repeats = 0;
    for (; performance.now() < endMs; repeats += 1) work();
    const { user, system } = process.threadCpuUsage(start);
    return ((user + system) * 1000) / repeats / frames;
  });
  // The first rounds compile it.
  return spreadOf(rounds.slice(2));
}
