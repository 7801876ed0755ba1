import type { Clock } from "../../core/clock.ts";
import { idKey, largestId } from "../../ports/arbitration-id.ts";
import type { FrameFilter } from "../../ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";
import type { FrameTap } from "./frame-tap.ts";
import type { OwnFrames, SentId } from "./own-frames.ts";

/** An ECU whose answer nobody waits for any more may still send it, ms. */
const LATE_ANSWER_MS = 10_000;
/** Ids of asked ECUs that are kept before those whose time is over are forgotten. */
const MAX_ASKED = 256;
/** The tester address of legislated OBD (ISO 15765-4), ours too. */
const TESTER_ADDRESS = 0xf1;
/** PDU formats of 29-bit ids with a target and a source address (ISO 15765-2, normal fixed addressing; ISO 15765-4). */
const [PHYSICAL, FUNCTIONAL] = [0xda, 0xdb];

/** Requests of OBD and UDS, and answers: ids of ISO 15765-4, and whatever is addressed as they are. */
const DIAGNOSTIC_IDS: readonly FrameFilter[] = [
  { id: 0x7df, mask: 0x7ff, extended: false },
  { id: 0x7e0, mask: 0x7f0, extended: false },
  { id: 0x18da_0000, mask: 0x1fff_0000, extended: true },
  { id: 0x18db_0000, mask: 0x1fff_0000, extended: true },
];
/** Requests of J1939 (59904) from an off-board service tool, which has the address 249 or 250 (SAE J1939, preferred addresses). */
const TOOL_REQUESTS: readonly FrameFilter[] = [0xf9, 0xfa].map((source) => ({
  id: 0x00ea_0000 + source,
  mask: 0x03ff_00ff,
  extended: true,
}));

export type OtherTesterParts = {
  readonly tap: FrameTap;
  readonly own: OwnFrames;
  readonly clock: Clock;
  /** A frame of another tester, or one that answers it; called for each, at once. */
  readonly onSeen: (frame: SentId) => void;
};

/**
 * Sees another tester in the frames of a bus: its requests, by their ids and because we did not send them, and answers that we did not
 * ask for, which are those of somebody else's session where the requests do not come past this bus.
 */
export class OtherTester {
  readonly #parts: OtherTesterParts;
  readonly #releases: (() => void)[];
  /** Until when an answer on an id can be one to us. */
  readonly #asked = new Map<number, number>();
  #askedAllUntilMs = Number.NEGATIVE_INFINITY;

  constructor(parts: OtherTesterParts) {
    this.#parts = parts;
    this.#releases = [
      parts.tap.on(DIAGNOSTIC_IDS, (frame) => this.#look(frame, kindOf(frame))),
      parts.tap.on(TOOL_REQUESTS, (frame) => this.#look(frame, "request")),
    ];
  }

  /** Requests on these ids are another tester's too, where they are not ours: those of the vehicle's own catalogue. */
  watch(ids: readonly SentId[]): void {
    const filters = ids.map(({ id, extended }) => ({ id, mask: largestId(extended), extended }));
    const others = filters.filter((filter) => !DIAGNOSTIC_IDS.some((known) => covers(known, filter)));
    if (others.length > 0) {
      this.#releases.push(this.#parts.tap.on(others, (frame) => this.#look(frame, "request")));
    }
  }

  /** An ECU is asked, and answers with this id; the returned function says that it is not waited for any more, `lateMs` longer than usual. */
  expectAnswer({ id, extended }: SentId): (lateMs: number) => void {
    const key = idKey(id, extended);
    this.#forget();
    this.#asked.set(key, Number.POSITIVE_INFINITY);
    return (lateMs) => void this.#asked.set(key, this.#parts.clock.monotonicMs() + LATE_ANSWER_MS + lateMs);
  }

  /** All ECUs are asked, and may answer within this time. */
  expectAnswers(windowMs: number): void {
    this.#askedAllUntilMs = this.#parts.clock.monotonicMs() + windowMs + LATE_ANSWER_MS;
  }

  stop(): void {
    for (const release of this.#releases.splice(0)) release();
  }

  #forget(): void {
    if (this.#asked.size < MAX_ASKED) return;
    const nowMs = this.#parts.clock.monotonicMs();
    for (const [key, untilMs] of this.#asked) if (untilMs < nowMs) this.#asked.delete(key);
  }

  #look(frame: CanFrame, kind: "request" | "answer"): void {
    const { own, clock, onSeen } = this.#parts;
    const extended = (frame.flags & FRAME_FLAG.extended) !== 0;
    if (kind === "request" && own.isOwn(frame)) return;
    const nowMs = clock.monotonicMs();
    if (kind === "answer" && nowMs <= this.#askedAllUntilMs) return;
    // An ECU of the catalogue may answer with an id that looks like a request.
    if (nowMs <= (this.#asked.get(idKey(frame.id, extended)) ?? Number.NEGATIVE_INFINITY)) return;
    onSeen({ id: frame.id, extended });
  }
}

/** Of `DIAGNOSTIC_IDS`. What is addressed to a tester is an answer; everything else under these ids asks for something. */
function kindOf({ id, flags }: CanFrame): "request" | "answer" {
  if ((flags & FRAME_FLAG.extended) === 0) return id >= 0x7e8 && id <= 0x7ef ? "answer" : "request";
  const format = (id >>> 16) & 0xff;
  if (format === FUNCTIONAL) return "request";
  return format === PHYSICAL && ((id >>> 8) & 0xff) === TESTER_ADDRESS ? "answer" : "request";
}

function covers(known: FrameFilter, { id, extended }: FrameFilter): boolean {
  return known.extended === extended && ((id ^ known.id) & known.mask) === 0;
}
