import type { Log } from "../../../core/log.ts";
import type { Broker } from "../../../ports/broker.ts";
import type { Appender } from "../../appender.ts";
import type { LatestValues } from "../../collect/latest-values.ts";
import { takeLatest } from "../../collect/take-latest.ts";
import type { LaneEncoder } from "../../record/encode/lane-encoder.ts";
import type { CampaignPlan } from "../plan/campaign-plan.ts";
import { CampaignIntake } from "../run/campaign-intake.ts";
import { type CampaignParts, laneEncoderOf } from "../run/campaign-parts.ts";

export type SnapshotParts = {
  /** Of the campaign of `collect.snapshot`. */
  readonly plan: CampaignPlan;
  readonly campaign: Pick<CampaignParts, "table" | "encoder" | "vehicle" | "batchSamples" | "clock">;
  readonly latest: LatestValues;
  readonly appender: Pick<Appender, "add">;
  /** Least time between two at reconnects. */
  readonly minIntervalMs: number;
  readonly log: Log;
};

/** Sends all last known values at once, each with the time at which it came: at each new session with the broker, and before sleep. */
export class Snapshots {
  readonly #parts: SnapshotParts;
  readonly #encoder: LaneEncoder;
  #takenMs = Number.NEGATIVE_INFINITY;
  #leftOut = 0;

  constructor(parts: SnapshotParts) {
    this.#parts = parts;
    this.#encoder = laneEncoderOf(parts.plan, parts.campaign.encoder);
  }

  /** Those that came too soon after another. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /** Takes one at each connection, until `signal` aborts or the session is stopped. */
  async run(broker: Pick<Broker, "online" | "status">, signal: AbortSignal): Promise<void> {
    let known = 0;
    while (!signal.aborted) {
      if ((await broker.online(signal, known)) === undefined) return;
      known = broker.status().connects;
      this.#connected();
    }
  }

  /** The vehicle goes to sleep, or the agent stops: takes one whatever the time. Call when no more frames come, before the last flush. */
  beforeSleep(): void {
    this.#take("sleep");
  }

  #connected(): void {
    const { campaign, log, minIntervalMs } = this.#parts;
    const sinceMs = campaign.clock.monotonicMs() - this.#takenMs;
    if (sinceMs >= minIntervalMs) return this.#take("reconnect");
    this.#leftOut += 1;
    log.info("snapshot.left-out", { sinceMs: Math.round(sinceMs), leftOut: this.#leftOut });
  }

  #take(cause: "reconnect" | "sleep"): void {
    const { plan, campaign, latest, appender, log } = this.#parts;
    const { table, batchSamples, vehicle, clock } = campaign;
    this.#takenMs = clock.monotonicMs();
    const pass = { frame: 0, isFull: false };
    const intake = new CampaignIntake(plan, { table, pass, batchSamples });
    takeLatest(intake.links(), latest, pass);
    const samples = intake.lane.drain();
    const drafts = samples.count === 0 ? [] : this.#encoder.encode(samples, vehicle.busCounts());
    for (const draft of drafts) appender.add(draft);
    log.info("snapshot.taken", { cause, values: samples.count, records: drafts.length });
  }
}
