import type { AgentConfig } from "../../../config/schema.ts";
import { factNames, factValues } from "../../daemon/campaign-facts.ts";
import type { BusCounters, BusSink, CanBus } from "../../ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG, FrameBatch } from "../../ports/frame.ts";
import type { RecordDraft, RecordId, StreamName } from "../../ports/outbox.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import { type Interest, WantedSignals } from "../../signals/wanted-signals.ts";
import { Appender } from "../../telemetry/appender.ts";
import type { CampaignPlan, PlanContext } from "../../telemetry/campaigns/plan/campaign-plan.ts";
import { CampaignSet, type CampaignStatus } from "../../telemetry/campaigns/run/campaign-set.ts";
import { Collector } from "../../telemetry/collect/collector.ts";
import { FrameHistory } from "../../telemetry/history/frame-history.ts";
import { Pipeline } from "../../telemetry/pipeline.ts";
import { countOf } from "../../telemetry/record/encode/bus-count.ts";
import { Encoder } from "../../telemetry/record/encode/encoder.ts";
import { LogClock } from "./log-clock.ts";

/** Frames that are handed over at once at most. */
const BATCH_FRAMES = 256;

/** What campaigns run on when there is no vehicle: its table and buses, and its settings as far as they decide what becomes of frames. */
export type SimulatedVehicle = {
  readonly table: SignalTable;
  /** In the order of their numbers. */
  readonly busNames: readonly string[];
  readonly settings: Pick<AgentConfig, "collect" | "encode" | "campaigns">;
};

/** A record as it would be stored, and the samples in it. */
export type SimulatedRecord = { readonly stream: StreamName; readonly payload: Uint8Array; readonly samples: number };

/** How a campaign did, and which signals that it reads or collects never came: MESSAGE.SIGNAL, each once. */
export type SimulatedCampaign = CampaignStatus & { readonly unseen: readonly string[] };

/** What documents must fit to run on `vehicle`. */
export function contextOf({ table, busNames, settings }: SimulatedVehicle): PlanContext {
  return { table, busNames, facts: factNames(busNames), hasHistory: settings.campaigns.history.maxBytes > 0 };
}

/**
 * The agent's own data line on a log instead of buses, without disk and broker, and as fast as it goes: what campaigns would send. All
 * buses are up from the first frame to the last, and the vehicle is on its first trip.
 */
export class CampaignSimulation {
  readonly #clock: LogClock;
  readonly #pipeline: Pipeline;
  readonly #set: CampaignSet;
  readonly #buses: ReadonlyMap<string, LogBus>;
  readonly #batch = new FrameBatch(BATCH_FRAMES);
  #filling: LogBus | undefined;
  #endsUs = 0;

  /** `startUs`: time of the first frame, µs since the Unix epoch. */
  constructor(vehicle: SimulatedVehicle, startUs: number, onRecord: (record: SimulatedRecord) => void) {
    const { table, busNames, settings } = vehicle;
    const { batchMs, batchSamples, holdBytes, timeResolutionUs } = settings.collect;
    const clock = new LogClock(startUs);
    const encode = { ...settings.encode, timeResolutionUs, lifeMs: {} };
    const encoder = new Encoder({ thing: "test", bootId: "0".repeat(32), table, clock, settings: encode });
    const outbox = { append: sealing(onRecord) };
    const appender = new Appender({ outbox, clock, log: SILENT, holdBytes, wake: () => undefined });
    const collector = new Collector(table);
    const history = historyOf(vehicle);
    const buses = busNames.map((name) => new LogBus(name));
    const busCounts = () => buses.map((bus) => countOf(bus));
    const known = factValues(
      busNames.map((name) => ({ name, state: "up" })),
      {
        isOnline: true,
        clockQuality: clock.quality(),
        outbox: { records: 0, bytes: 0 },
        codes: { active: 0, isLampOn: false },
        vehicle: { state: "driving", trip: 1, isIgnitionOn: true },
      },
    );
    this.#set = new CampaignSet({
      campaign: { table, encoder, history, vehicle: { busCounts }, clock, batchSamples },
      appender,
      kept: [],
      run: "1",
      collector,
      busNames,
      facts: () => known,
      want: wantInTurn(table),
    });
    const line = { table, collector, campaigns: this.#set, encoder, appender };
    this.#pipeline = new Pipeline({ ...line, takers: { history }, clock, batchMs });
    this.#clock = clock;
    for (const bus of buses) bus.sink = this.#pipeline.sinkFor(bus);
    this.#buses = new Map(buses.map((bus) => [bus.name, bus]));
  }

  /** Begins. Call once, before the first frame. */
  start(plans: readonly CampaignPlan[]): void {
    this.#set.use(plans);
    this.#pipeline.start();
  }

  /** Takes a frame of the log, in its order; false where the vehicle has no such bus. */
  take(busName: string, { id, flags, data, receivedAtUs }: CanFrame): boolean {
    const bus = this.#buses.get(busName);
    if (bus === undefined) return false;
    const isNext = bus !== this.#filling || this.#batch.count === BATCH_FRAMES || receivedAtUs >= this.#endsUs;
    if (isNext) this.#deliver();
    if (this.#batch.count === 0) {
      // A batch ends where a timer is due, so that what a timer does happens between the same frames as on the road.
      if (receivedAtUs >= this.#clock.nextDueUs) this.#clock.advanceTo(receivedAtUs);
      this.#endsUs = this.#clock.nextDueUs;
      this.#filling = bus;
    }
    this.#batch.push(id, flags, data, receivedAtUs);
    return true;
  }

  /** The log is at its end, and with it the campaigns: all that they hold goes out. Gives how they did. */
  finish(): readonly SimulatedCampaign[] {
    this.#deliver();
    this.#pipeline.stop();
    const seen = new Set(this.#pipeline.latest().map(({ signal }) => signal.index));
    const campaigns = this.#set.list().map((status) => ({ ...status, unseen: unseenOf(status.plan, seen) }));
    // What is counted in cells stays in them over a stop of the agent; it comes out when a campaign goes.
    this.#set.use([]);
    this.#pipeline.flush();
    return campaigns;
  }

  #deliver(): void {
    const { count } = this.#batch;
    if (count === 0 || this.#filling === undefined) return;
    this.#clock.advanceTo(this.#batch.receivedAtUs(count - 1));
    this.#filling.deliver(this.#batch);
    this.#batch.count = 0;
  }
}

function unseenOf({ expressions, samplings }: CampaignPlan, seen: ReadonlySet<number>): readonly string[] {
  const collected = samplings.flatMap(({ signals }) =>
    signals.flatMap(({ chosen }) => (chosen.kind === "table" ? [chosen.signal] : [])),
  );
  const unseen = [...expressions.inputs, ...collected].filter(({ index }) => !seen.has(index));
  return [...new Set(unseen.map(({ message, name }) => `${message}.${name}`))];
}

const quiet = (): void => undefined;
const SILENT = { error: quiet, warn: quiet, info: quiet, debug: quiet };

function historyOf({ busNames, settings }: SimulatedVehicle): FrameHistory | undefined {
  const { maxBytes } = settings.campaigns.history;
  return maxBytes === 0 ? undefined : new FrameHistory({ maxBytes, buses: busNames.length });
}

/** What nobody wants is not decoded, as in the agent. */
function wantInTurn(table: SignalTable): (interest: Interest) => void {
  const wanted = new WantedSignals(table);
  let release = (): void => undefined;
  return (interest) => {
    release();
    release = wanted.hold("campaigns", interest);
  };
}

/** Gives each draft the next id of its stream, and tells its payload. */
function sealing(
  onRecord: (record: SimulatedRecord) => void,
): (drafts: readonly (RecordDraft & { readonly samples?: number })[]) => RecordId[] {
  const seqs = new Map<StreamName, number>();
  return (drafts) =>
    drafts.map((draft) => {
      const { stream, samples = 0 } = draft;
      const seq = (seqs.get(stream) ?? 0) + 1;
      seqs.set(stream, seq);
      const id = { epoch: 1, stream, seq };
      onRecord({ stream, payload: draft.seal(id), samples });
      return id;
    });
}

/** An interface of a log. */
class LogBus implements Pick<CanBus, "name" | "counters"> {
  readonly name: string;
  sink: BusSink | undefined;
  #received = 0;
  #errorFrames = 0;

  constructor(name: string) {
    this.name = name;
  }

  traffic(): undefined {
    return undefined;
  }

  counters(): BusCounters {
    return { received: this.#received, dropped: undefined, errorFrames: this.#errorFrames, transmitted: 0 };
  }

  deliver(batch: FrameBatch): void {
    let errors = 0;
    for (let at = 0; at < batch.count; at++) if ((batch.flags(at) & FRAME_FLAG.error) !== 0) errors += 1;
    this.#errorFrames += errors;
    this.#received += batch.count - errors;
    this.sink?.onFrames(batch);
  }
}
