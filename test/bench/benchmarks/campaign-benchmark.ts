import type { Clock } from "../../../agent/core/clock.ts";
import type { BusSink } from "../../../agent/ports/can-bus.ts";
import { FRAME_DATA_OFFSET, FRAME_STRIDE_BYTES, FrameBatch } from "../../../agent/ports/frame.ts";
import { createSignalTable } from "../../../agent/signals/build-table.ts";
import { parseDbc } from "../../../agent/signals/dbc/parse.ts";
import type { SignalTable } from "../../../agent/signals/signal-table.ts";
import { Appender } from "../../../agent/telemetry/appender.ts";
import type { CampaignPlan } from "../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { planCampaign } from "../../../agent/telemetry/campaigns/plan/campaign-plan.ts";
import { defaultCampaign } from "../../../agent/telemetry/campaigns/plan/default-campaign.ts";
import { CampaignSet } from "../../../agent/telemetry/campaigns/run/campaign-set.ts";
import { Collector } from "../../../agent/telemetry/collect/collector.ts";
import { Pipeline } from "../../../agent/telemetry/pipeline.ts";
import { Encoder } from "../../../agent/telemetry/record/encode/encoder.ts";
import { campaignDocument } from "../../../config/campaign.ts";
import { SMOOTH_BUS, SmoothFrames, smoothDatabase } from "./smooth-signals.ts";
import { cpuMs, ratiosOf, type Spread, spreadOf } from "./timing.ts";

const FRAMES_PER_SECOND = 8000;
const FLUSH_MS = 250;
const BATCHES = 4;
const BATCH_FRAMES = (FRAMES_PER_SECOND * FLUSH_MS) / 1000;
const ROUNDS = 25;
const IDLE_SIGNALS = 256;

/** What the conditions of campaigns read: signals that do not come, that come with the value they had, or that change with every frame. */
export type CampaignLoad = "absent" | "steady" | "changing";

/** What a frame costs with so many campaigns beside the default one, none of whose conditions is ever true. */
export type CampaignCost = {
  readonly campaigns: number;
  readonly load: CampaignLoad;
  /** Found, decoded, collected on change and evaluated; of 25 rounds that take turns. */
  readonly frameNs: Spread;
  /** What is done every 250 ms, whatever came: timers, windows, encoding. */
  readonly flushUs: Spread;
  /** Of a frame and its share of a flush at 8,000 frames/s, to that with one campaign in the same round; and of the frame alone. */
  readonly ratio: Spread;
  readonly frameRatio: Spread;
};

/** Measures the data line without disk and broker, in this process, by how many campaigns wait for their condition. */
export function benchmarkCampaigns(load: CampaignLoad, counts: readonly number[]): readonly CampaignCost[] {
  const batches = batchesOf(load);
  const lines = counts.map((count) => new Line(count, load));
  for (const line of lines) line.run(batches);
  const rounds = Array.from({ length: ROUNDS }, () => {
    goOn(batches);
    return lines.map((line) => line.run(batches));
  });
  const costs = counts.map((_, at) => {
    const framesNs = rounds.map((round) => round[at].frameNs);
    const flushesUs = rounds.map((round) => round[at].flushUs);
    const wholesNs = framesNs.map((frameNs, round) => frameNs + (flushesUs[round] * 1000) / BATCH_FRAMES);
    return { framesNs, flushesUs, wholesNs };
  });
  const one = costs[Math.max(0, counts.indexOf(1))];
  return costs.map(({ framesNs, flushesUs, wholesNs }, at) => ({
    campaigns: counts[at],
    load,
    frameNs: spreadOf(framesNs),
    flushUs: spreadOf(flushesUs),
    ratio: ratiosOf(wholesNs, one.wholesNs),
    frameRatio: ratiosOf(framesNs, one.framesNs),
  }));
}

/** Steady ones repeat one frame of each message; their times go on all the same. */
function batchesOf(load: CampaignLoad): readonly FrameBatch[] {
  const frames = new SmoothFrames(FRAMES_PER_SECOND);
  if (load !== "steady") return Array.from({ length: BATCHES }, () => frames.batch(BATCH_FRAMES));
  const once = frames.batch(24);
  return Array.from({ length: BATCHES }, (_, round) => {
    const batch = new FrameBatch(BATCH_FRAMES);
    for (let at = 0; at < BATCH_FRAMES; at++) {
      const from = at % once.count;
      const data = once.bytes.subarray(from * FRAME_STRIDE_BYTES + FRAME_DATA_OFFSET).subarray(0, once.length(from));
      batch.push(once.id(from), 0, data, once.receivedAtUs(0) + (round * BATCH_FRAMES + at) * 125);
    }
    return batch;
  });
}

/** The same frames again, received after the last of them: time goes on. */
function goOn(batches: readonly FrameBatch[]): void {
  const last = batches[batches.length - 1];
  const byUs = last.receivedAtUs(last.count - 1) - batches[0].receivedAtUs(0) + 1_000_000 / FRAMES_PER_SECOND;
  for (const { bytes, count } of batches) {
    const numbers = new Float64Array(bytes.buffer);
    // The receive time is the first of the ten numbers of a frame.
    for (let at = 0; at < count; at++) numbers[(at * FRAME_STRIDE_BYTES) / 8] += byUs;
  }
}

const quiet = (): void => undefined;
/** It flushes when it is told to, and times are those of the frames. */
const clock: Clock = {
  wallUs: () => 1,
  monotonicMs: () => 1,
  boottimeMs: () => 1,
  quality: () => "ntp",
  sleep: async () => undefined,
  every: () => quiet,
};
const LOG = { error: quiet, warn: quiet, info: quiet, debug: quiet };

/** The data line with so many campaigns. */
class Line {
  readonly #sink: BusSink;
  readonly #pipeline: Pipeline;

  constructor(campaigns: number, load: CampaignLoad) {
    const table = tableWithIdle();
    const settings = { compression: "none", maxPayloadBytes: 120_000, timeResolutionUs: 1000, lifeMs: {} } as const;
    const encoder = new Encoder({ thing: "bench", bootId: "0".repeat(32), table, clock, settings });
    const outbox = { append: () => [] };
    const appender = new Appender({ outbox, clock, log: LOG, holdBytes: 8_000_000, wake: quiet });
    const collector = new Collector(table);
    const campaign = {
      table,
      encoder,
      history: undefined,
      vehicle: { busCounts: () => [] },
      clock,
      batchSamples: 50_000,
    };
    const set = new CampaignSet({
      campaign,
      appender,
      kept: [],
      run: "1",
      collector,
      busNames: [SMOOTH_BUS],
      facts: () => new Map(),
      want: quiet,
    });
    set.use([planOf(defaultCampaign([]), table), ...idlePlans(campaigns, load, table)]);
    this.#pipeline = new Pipeline({
      table,
      collector,
      campaigns: set,
      encoder,
      appender,
      takers: {},
      clock,
      batchMs: 250,
    });
    this.#sink = this.#pipeline.sinkFor({
      name: SMOOTH_BUS,
      counters: () => ({ received: 0, dropped: 0, errorFrames: 0, transmitted: 0 }),
    });
    this.#pipeline.start();
  }

  /** Gives the processor time of a frame and that of a flush. */
  run(batches: readonly FrameBatch[]): { readonly frameNs: number; readonly flushUs: number } {
    let framesMs = 0;
    let flushMs = 0;
    for (const batch of batches) {
      const start = cpuMs();
      this.#sink.onFrames(batch);
      const taken = cpuMs();
      this.#pipeline.flush();
      framesMs += taken - start;
      flushMs += cpuMs() - taken;
    }
    const { length } = batches;
    return { frameNs: (framesMs * 1e6) / (length * BATCH_FRAMES), flushUs: (flushMs * 1000) / length };
  }
}

function tableWithIdle(): SignalTable {
  const signals = Array.from({ length: 8 }, (_, at) => ` SG_ Idle${at} : ${at * 8}|8@1+ (1,0) [0|0] "" X\n`).join("");
  const text = Array.from({ length: IDLE_SIGNALS / 8 }, (_, at) => `BO_ ${1280 + at} Idle${at}: 8 X\n${signals}`).join(
    "",
  );
  const idle = parseDbc(text).database;
  return createSignalTable([
    { bus: SMOOTH_BUS, database: smoothDatabase() },
    { bus: SMOOTH_BUS, database: idle },
  ]);
}

function planOf(document: ReturnType<typeof defaultCampaign>, table: SignalTable): CampaignPlan {
  const planned = planCampaign(document, { table, busNames: [SMOOTH_BUS], facts: new Map(), hasHistory: false });
  if (planned.kind === "unfit") throw new Error(planned.problems.map(({ problem }) => problem).join("; "));
  return planned.plan;
}

/** Each with a condition of its own over one signal, spread over all signals that there are of the kind. */
function idlePlans(count: number, load: CampaignLoad, table: SignalTable): readonly CampaignPlan[] {
  const names = table.signals.map(({ message, name }) => `${message}.${name}`);
  const isIdle = (name: string): boolean => name.startsWith("Idle");
  const inputs = names.filter((name) => isIdle(name) === (load === "absent"));
  return Array.from({ length: count }, (_, at) => {
    const x = inputs[at % inputs.length];
    const document = campaignDocument.parse({
      schemaVersion: 1,
      id: `idle-${at}`,
      version: 1,
      inputs: { x },
      trigger: { condition: `x > ${1e6 + at}.0`, mode: "while" },
      collect: [{ signals: x, mode: "every", ms: 0 }],
    });
    return planOf(document, table);
  });
}
