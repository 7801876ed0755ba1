import type { Clock } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import { idKey } from "../../ports/arbitration-id.ts";
import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";
import { parseIsoTpFrame } from "../isotp/frame-codec.ts";
import type { FrameTap } from "./frame-tap.ts";
import type { Functional, FunctionalAnswer, FunctionalReply, Withheld } from "./tester-bus.ts";

/** Senders that are taken; what answers in larger number is no vehicle. */
const MAX_SENDERS = 256;
/** A sender that says "response pending" is waited for so much longer at most, ms (ISO 14229-2, P2* of the server). */
const PENDING_MS = 5000;

export type GatherSettings = {
  readonly tap: FrameTap;
  readonly clock: Clock;
  readonly windowMs: number;
  /** Sends the request. */
  readonly send: () => Promise<void>;
  /** An answer frame came. */
  readonly onFrame: (frame: CanFrame) => void;
  readonly onPending: () => void;
  readonly signal: AbortSignal;
  /** Why it was aborted. */
  readonly ended: () => Withheld;
};

/** Sends a functional request, and gathers its single-frame answers. */
export async function gatherAnswers(
  { responses }: Functional,
  request: Uint8Array,
  { tap, clock, windowMs, send, onFrame, onPending, signal, ended }: GatherSettings,
): Promise<FunctionalReply> {
  const answers = new Map<number, FunctionalAnswer>();
  const pending = new Set<number>();
  const release = tap.on(responses, (frame) => {
    onFrame(frame);
    const parsed = parseIsoTpFrame(frame.data, 0);
    const key = idKey(frame.id, (frame.flags & FRAME_FLAG.extended) !== 0);
    if (parsed?.kind !== "single" || answers.has(key) || answers.size >= MAX_SENDERS) return;
    const pdu = parsed.bytes.slice();
    if (isPending(pdu, request[0])) {
      pending.add(key);
      onPending();
      return;
    }
    if (pdu[0] !== request[0] + 0x40 && !(pdu[0] === 0x7f && pdu[1] === request[0])) return;
    pending.delete(key);
    answers.set(key, { rxId: frame.id, pdu, receivedAtUs: frame.receivedAtUs });
  });
  try {
    await send();
    await clock.sleep(windowMs, signal);
    const latestMs = clock.monotonicMs() + PENDING_MS;
    while (pending.size > 0 && clock.monotonicMs() < latestMs && !signal.aborted) {
      await clock.sleep(Math.min(windowMs, latestMs - clock.monotonicMs()), signal);
    }
    return signal.aborted ? ended() : { kind: "answers", answers: [...answers.values()] };
  } catch (thrown) {
    if (!(thrown instanceof AgentError)) throw thrown;
    return { kind: "fault", fault: thrown };
  } finally {
    release();
  }
}

function isPending(pdu: Uint8Array, service: number): boolean {
  return pdu[0] === 0x7f && pdu[1] === service && pdu[2] === 0x78;
}
