import type { AgentError } from "../../core/errors.ts";
import type { FrameFilter } from "../../ports/can-bus.ts";
import type { CanFrame } from "../../ports/frame.ts";
import type { IsoTpAddress, IsoTpSettings } from "../../ports/isotp.ts";

/** Who wants a request; a technician goes before a command, and a command before a poll. */
export const WHO = ["technician", "command", "poll"] as const;
export type Who = (typeof WHO)[number];

/** Why nothing was sent, or a conversation was ended before its answer. */
export const WITHHELD_REASONS = [
  "off",
  "listen-only",
  "condition",
  "other-tester",
  "rate",
  "backing-off",
  "aborted",
] as const;
export type WithheldReason = (typeof WITHHELD_REASONS)[number];

/** Not sent, or ended, and why. `what` is a sentence for people. */
export type Withheld = { readonly kind: "withheld"; readonly reason: WithheldReason; readonly what: string };

/** Whom to ask. `name` is for people and for the status; one conversation has one address. */
export type AskedEcu = {
  readonly name: string;
  readonly address: IsoTpAddress;
  /** What differs from the settings of the bus. */
  readonly isotp?: Partial<IsoTpSettings> | undefined;
};

/** One request and how long its answer is waited for. */
export type Ask = {
  readonly ecu: AskedEcu;
  /** Service and its data: 1 byte or more. */
  readonly pdu: Uint8Array;
  readonly who: Who;
  /** Longest time until the first frame of the answer, ms; 1000 when absent (50 ms of the ECU, and transport; ISO 14229-2). */
  readonly p2Ms?: number | undefined;
  /** The same after "response pending", ms; 5000 when absent. */
  readonly p2StarMs?: number | undefined;
  /** Longest time of "response pending" in all, ms; that of the bus when absent, which bounds it too. */
  readonly pendingMs?: number | undefined;
  /** The request says that it wants no positive answer: what is sent is taken for done. */
  readonly answerless?: boolean | undefined;
  /**
   * How many bytes after the service a positive answer repeats of the request (2 of a single DID); 0 when absent. One that does not is
   * a late answer to an earlier request: it is counted and waited past.
   */
  readonly repeats?: number | undefined;
  /** Asked right before the first frame goes out; a text says why it must not, and it is withheld for the condition. */
  readonly before?: (() => string | undefined) | undefined;
};

/** What became of a request. `pendings`: how often the ECU said "response pending" (0x78) before. */
export type Reply =
  | {
      readonly kind: "answer";
      /** From the service on (request + 0x40); empty for a request without answer. */
      readonly pdu: Uint8Array;
      /** µs since the Unix epoch, of the last frame. */
      readonly receivedAtUs: number;
      readonly pendings: number;
    }
  /** `7F service code` (ISO 14229-1, A.1); never 0x78. */
  | { readonly kind: "negative"; readonly service: number; readonly code: number; readonly pendings: number }
  | { readonly kind: "silent"; readonly waitedMs: number; readonly pendings: number }
  /** Of the transport or of the bus; see `isotp.*` and `bus.*` of `FAULTS`. */
  | { readonly kind: "fault"; readonly fault: AgentError }
  | Withheld;

/** A request to every ECU that listens to an id; the answers are what `responses` lets through. */
export type Functional = {
  readonly txId: number;
  readonly extended: boolean;
  readonly responses: readonly FrameFilter[];
};

/** An answer to a functional request, of one sender. */
export type FunctionalAnswer = { readonly rxId: number; readonly pdu: Uint8Array; readonly receivedAtUs: number };

/** What functional answers came, in their order; none is an answer too. */
export type FunctionalReply =
  | { readonly kind: "answers"; readonly answers: readonly FunctionalAnswer[] }
  | { readonly kind: "fault"; readonly fault: AgentError }
  | Withheld;

/** "transport": flow control or data of a conversation that was let out before; it waits for no turn and no rate, but counts to the load. */
export type FrameWho = Who | "transport";

/** What became of a raw frame. */
export type SentFrame = { readonly kind: "sent" } | { readonly kind: "fault"; readonly fault: AgentError } | Withheld;

/** An ECU, and since when, ms. */
type Aging = { readonly ecu: string; readonly ms: number };

/** How a bus does as a tester, for status and doctor. Counts are since start. */
export type TesterState = {
  readonly bus: string;
  /** Why nothing may be sent at this moment; absent where it may. */
  readonly withheld?: { readonly reason: WithheldReason; readonly what: string } | undefined;
  /** The other tester that was seen last. */
  readonly other?:
    | { readonly id: number; readonly extended: boolean; readonly agoMs: number; readonly silentMs: number }
    | undefined;
  readonly counts: TesterCounts;
  /** Times that something was not sent, by why. */
  readonly withheldCounts: Readonly<Record<WithheldReason, number>>;
  /** Requests that wait for their turn. */
  readonly waiting: number;
  /** ECUs that said "response pending" and have not answered yet; `ms` since the request. */
  readonly pending: readonly Aging[];
  /** Silent ECUs, and how long polls leave them alone yet. */
  readonly backingOff: readonly Aging[];
};

/** What a tester sent and got since start. */
export type TesterCounts = {
  /** Requests that went out, functional ones and raw frames too. */
  readonly requests: number;
  readonly answers: number;
  readonly negatives: number;
  readonly silent: number;
  readonly faults: number;
  /** "Response pending" of all ECUs. */
  readonly pendings: number;
  /** Answers that nobody waited for any more. */
  readonly strays: number;
  /** Silences that another tester made. */
  readonly silences: number;
};

/**
 * One bus on which this agent may ask ECUs. Whatever goes out goes through its manners: the permission of the configuration, no
 * listen-only bus, the state of the vehicle, rate and share of the load, no other tester, and one request at a time.
 *
 * Requests wait for their turn; who does not want to wait aborts, which gives "withheld" with "aborted". Nothing here throws or rejects
 * but for a bug.
 */
export interface TesterBus {
  readonly bus: string;
  ask(ask: Ask, signal: AbortSignal): Promise<Reply>;
  /**
   * A functional request in a single frame; gathers what is answered in single frames for `windowMs`, one answer a sender. A sender that
   * says "response pending" is waited for a little longer; one that answers in several frames is left out, as nobody would steer it.
   */
  askAll(
    functional: Functional,
    pdu: Uint8Array,
    windowMs: number,
    who: Who,
    signal: AbortSignal,
  ): Promise<FunctionalReply>;
  /** A raw frame under the same manners: requests and claims of J1939. */
  sendFrame(frame: CanFrame, who: FrameWho, signal: AbortSignal): Promise<SentFrame>;
  state(): TesterState;
}
