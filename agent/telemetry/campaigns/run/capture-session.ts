import { Collector } from "../../collect/collector.ts";
import type { Capture } from "../../history/capture.ts";
import { CaptureDecoder } from "../../history/capture-decoder.ts";
import { FrameRecords } from "../../history/frame-records.ts";
import type { VisitFrame } from "../../history/frame-ring.ts";
import type { LaneEncoder } from "../../record/encode/lane-encoder.ts";
import type { CampaignPlan } from "../plan/campaign-plan.ts";
import type { CaptureWishes } from "../plan/capture-wishes.ts";
import { CampaignExpressions } from "./campaign-expressions.ts";
import { CampaignIntake } from "./campaign-intake.ts";
import { type CampaignOutput, type CampaignParts, markOf } from "./campaign-parts.ts";
import type { TriggerOccasion } from "./collection.ts";

/** Frames of a capture that are read at a time: some tens of ms of work on a small core. */
const SLICE_FRAMES = 16_384;

export type SessionParts = {
  readonly plan: CampaignPlan;
  readonly wishes: CaptureWishes;
  readonly output: CampaignOutput;
  readonly encoder: LaneEncoder;
};

/**
 * One capture on its way out: the frames of the history are decoded again and taken by samplers of its own, at full resolution, and
 * those of the black box become records as they are.
 */
export class CaptureSession {
  readonly occasion: TriggerOccasion;
  readonly capture: Capture;
  readonly #session: SessionParts;
  readonly #parts: CampaignParts;
  readonly #collector: Collector;
  readonly #intake: CampaignIntake;
  readonly #decoder: CaptureDecoder;
  readonly #frames: FrameRecords | undefined;
  #discarded = 0;

  constructor(occasion: TriggerOccasion, capture: Capture, session: SessionParts, parts: CampaignParts) {
    const { plan, wishes, output } = session;
    const { table, batchSamples } = parts;
    this.occasion = occasion;
    this.capture = capture;
    this.#session = session;
    this.#parts = parts;
    this.#decoder = new CaptureDecoder(table, wishes.messages, (message, allPresent, timeUs, firstSlot) =>
      this.#collector.take(message, allPresent, timeUs, firstSlot),
    );
    const { values, wides, present } = this.#decoder;
    this.#collector = new Collector({ ...table, values, wides, present });
    const intake = new CampaignIntake(plan, { table, pass: this.#collector.pass, batchSamples });
    this.#intake = intake;
    const expressions = this.#derive();
    this.#collector.use(
      { readers: expressions?.links() ?? [], samplers: intake.links() },
      {
        admit: (sender) => ({ readers: expressions?.admit(sender) ?? [], samplers: intake.admit(sender) }),
        settle: (timeUs) => expressions?.settle(timeUs),
      },
    );
    const mark = markOf(output.campaign, occasion.number);
    this.#frames = wishes.frames.isEmpty
      ? undefined
      : new FrameRecords(plan.document.id, { encoder: parts.encoder, appender: { add: output.add } }, mark);
  }

  /** Samples thrown away. */
  get discarded(): number {
    return this.#discarded;
  }

  /** Reads on in the history, and hands over what is full; all of it when there is no more to come. */
  read(): void {
    this.capture.read(SLICE_FRAMES, this.#parts.clock.monotonicMs(), this.#visit);
    if (this.capture.isDone) this.#finish();
    else if (this.#collector.pass.isFull) this.#store();
  }

  /** It ends with what the history holds so far. */
  finish(): void {
    this.capture.finish();
    while (!this.capture.isDone) this.read();
  }

  readonly #visit: VisitFrame = (bus, bytes, at, length, id, flags, timeUs) => {
    const { wishes } = this.#session;
    if (this.#collector.pass.isFull) this.#store();
    if (wishes.signals.keeps(bus, id, flags)) this.#decoder.visit(bus, bytes, at, length, id, flags, timeUs);
    if (this.#frames === undefined || !wishes.frames.keeps(bus, id, flags)) return;
    this.#frames.take(wishes.busNames[bus], bytes, at, length, id, flags, timeUs);
  };

  #derive(): CampaignExpressions | undefined {
    const { expressions } = this.#session.plan;
    if (expressions.derived.length === 0) return undefined;
    const takeDerived = (input: number, value: number, timeUs: number): void =>
      this.#intake.takeDerived(input - expressions.inputs.length, value, timeUs);
    const sinks = { derived: { takeDerived }, conditions: new Map(), unsettled: { add: () => undefined } };
    return new CampaignExpressions(expressions, this.#parts.table, sinks);
  }

  #finish(): void {
    this.#intake.close(this.#parts.clock.monotonicMs(), "stop");
    this.#store();
    this.#frames?.flush();
  }

  #store(): void {
    const { encoder, output } = this.#session;
    this.#collector.pass.isFull = false;
    const { lane } = this.#intake;
    const log = lane.drain();
    this.#discarded = lane.discarded;
    if (log.count === 0) return;
    for (const draft of encoder.encode(log, [], this.occasion.number)) output.add(draft);
  }
}
