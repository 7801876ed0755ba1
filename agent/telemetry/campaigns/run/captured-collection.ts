import type { KeptValue } from "../../../ports/outbox.ts";
import type { SenderSlots } from "../../../signals/signal-slots.ts";
import type { CloseCause } from "../../collect/sampler.ts";
import type { CaptureRest } from "../../history/capture.ts";
import type { FrameHistory } from "../../history/frame-history.ts";
import type { LaneEncoder } from "../../record/encode/lane-encoder.ts";
import type { CampaignPlan } from "../plan/campaign-plan.ts";
import type { CaptureWishes } from "../plan/capture-wishes.ts";
import { type CampaignOutput, type CampaignParts, laneEncoderOf } from "./campaign-parts.ts";
import { CaptureSession } from "./capture-session.ts";
import type { Collection, CollectionLink, Look, TriggerOccasion } from "./collection.ts";
import { triggerReport } from "./trigger-report.ts";

/** Collects what lies around each trigger, from the history of received frames. Captures that touch are one. */
export class CapturedCollection implements Collection {
  readonly #plan: CampaignPlan;
  readonly #wishes: CaptureWishes;
  readonly #history: FrameHistory;
  readonly #output: CampaignOutput;
  readonly #parts: CampaignParts;
  readonly #encoder: LaneEncoder;
  readonly #sessions: CaptureSession[] = [];
  /** Sequence of the first frame that a capture may take. */
  readonly #notBefore: number;
  /** Where the last capture that is done was left off. */
  #rest: CaptureRest | undefined;
  #discarded = 0;

  constructor(
    plan: CampaignPlan,
    captures: { readonly wishes: CaptureWishes; readonly history: FrameHistory },
    output: CampaignOutput,
    parts: CampaignParts,
  ) {
    this.#plan = plan;
    this.#wishes = captures.wishes;
    this.#history = captures.history;
    this.#output = output;
    this.#parts = parts;
    this.#encoder = laneEncoderOf(plan, parts.encoder);
    this.#notBefore = captures.history.sequence;
  }

  /** It takes nothing of the frames as they come. */
  links(): readonly CollectionLink[] {
    return [];
  }

  admit(_sender: SenderSlots): readonly CollectionLink[] {
    return [];
  }

  takeDerived(): void {}

  begin(occasion: TriggerOccasion): void {
    const open = this.#sessions.at(-1);
    const nowMs = this.#parts.clock.monotonicMs();
    if (open !== undefined && open.capture.extend(occasion.timeUs, nowMs)) return;
    const { beforeMs, afterMs } = this.#plan.document.trigger ?? { beforeMs: 0, afterMs: 0 };
    const capture = this.#history.begin({
      name: this.#plan.document.id,
      timeUs: occasion.timeUs,
      nowMs,
      beforeMs,
      afterMs,
      notBefore: this.#notBefore,
      after: open?.capture.rest ?? this.#rest,
      wants: this.#wishes.filter,
    });
    if (capture === undefined) return;
    const session = { plan: this.#plan, wishes: this.#wishes, output: this.#output, encoder: this.#encoder };
    const made = new CaptureSession(occasion, capture, session, this.#parts);
    this.#sessions.push(made);
    this.#report(made, "begin");
  }

  end(): void {}

  flush(cause: CloseCause): void {
    for (const session of this.#sessions.slice()) {
      if (cause === "step") session.capture.clockStepped = true;
      if (cause === "stop" || cause === "step") session.finish();
      else session.read();
      if (session.capture.isDone) this.#finish(session);
    }
  }

  look(): Look {
    this.flush("tick");
    return { isDue: false, samples: 0 };
  }

  retire(): void {}

  takeKept(): readonly KeptValue[] {
    return [];
  }

  discarded(): number {
    return this.#discarded;
  }

  #finish(session: CaptureSession): void {
    this.#sessions.splice(this.#sessions.indexOf(session), 1);
    this.#rest = session.capture.rest;
    this.#discarded += session.discarded;
    this.#report(session, "end");
  }

  #report({ occasion, capture, discarded }: CaptureSession, phase: "begin" | "end"): void {
    const { campaign } = this.#output;
    if (campaign === undefined) return;
    const { encoder, vehicle, clock } = this.#parts;
    const facts = { plan: this.#plan, campaign, occasion, vehicle, capture, discarded };
    const timeUs = phase === "begin" ? occasion.timeUs : clock.wallUs();
    this.#output.add(encoder.trigger(triggerReport(facts, phase, timeUs), this.#plan.document.send.form));
  }
}
