import { BusFrameTap } from "../../../agent/diagnostics/tester/frame-tap.ts";
import type {
  Ask,
  FrameWho,
  Functional,
  FunctionalReply,
  Reply,
  SentFrame,
  TesterBus,
  TesterState,
  Who,
} from "../../../agent/diagnostics/tester/tester-bus.ts";
import { emptyState } from "../../../agent/diagnostics/tester/tester-counts.ts";
import type { FrameFilter } from "../../../agent/ports/can-bus.ts";
import { type CanFrame, FrameBatch } from "../../../agent/ports/frame.ts";

/** What an ECU of a fake says: bytes as hex (a negative answer as 7f...), a whole reply, or one that is worked out. */
export type Said = string | Reply | ((ask: Ask) => Reply);

/**
 * A tester without a bus: requests are answered with what was said before, and kept. What nobody has said something for is silence.
 * Bytes are written as hex, with spaces where you like.
 */
export class FakeTesterBus implements TesterBus {
  readonly bus: string;
  /** Requests, in order. */
  readonly asked: Ask[] = [];
  /** Functional requests, in order, as TXID#BYTES. */
  readonly askedAll: string[] = [];
  /** Raw frames that were sent. */
  readonly frames: CanFrame[] = [];
  /** While this is set, everything is withheld. */
  withheld: (Reply & { readonly kind: "withheld" }) | undefined;
  readonly #answers = new Map<string, Said[]>();
  readonly #functional = new Map<string, readonly { readonly rxId: number; readonly pdu: string }[]>();

  constructor(bus = "can0") {
    this.bus = bus;
  }

  /** A request to `txId` gets these answers, one a time; the last one again and again. */
  answer(txId: number, request: string, ...said: readonly Said[]): void {
    this.#answers.set(keyOf(txId, bytesOf(request)), [...said]);
  }

  /** A functional request gets these answers. */
  answerAll(txId: number, request: string, answers: readonly { readonly rxId: number; readonly pdu: string }[]): void {
    this.#functional.set(keyOf(txId, bytesOf(request)), answers);
  }

  async ask(ask: Ask, signal: AbortSignal): Promise<Reply> {
    if (signal.aborted) return { kind: "withheld", reason: "aborted", what: "nobody waits any more" };
    if (this.withheld !== undefined) return this.withheld;
    const problem = ask.before?.();
    if (problem !== undefined) return { kind: "withheld", reason: "condition", what: problem };
    this.asked.push(ask);
    const waiting = this.#answers.get(keyOf(ask.ecu.address.txId, ask.pdu)) ?? [];
    const said = waiting.length > 1 ? waiting.shift() : waiting[0];
    if (said === undefined) return { kind: "silent", waitedMs: ask.p2Ms ?? 1000, pendings: 0 };
    return typeof said === "function" ? said(ask) : typeof said === "string" ? replyOf(said) : said;
  }

  async askAll(
    { txId }: Functional,
    pdu: Uint8Array,
    _windowMs: number,
    _who: Who,
    signal: AbortSignal,
  ): Promise<FunctionalReply> {
    if (signal.aborted) return { kind: "withheld", reason: "aborted", what: "nobody waits any more" };
    if (this.withheld !== undefined) return this.withheld;
    const key = keyOf(txId, pdu);
    this.askedAll.push(key);
    const answers = (this.#functional.get(key) ?? []).map(({ rxId, pdu: hex }) => ({
      rxId,
      pdu: bytesOf(hex),
      receivedAtUs: 0,
    }));
    return { kind: "answers", answers };
  }

  async sendFrame(frame: CanFrame, _who: FrameWho, signal: AbortSignal): Promise<SentFrame> {
    if (signal.aborted) return { kind: "withheld", reason: "aborted", what: "nobody waits any more" };
    if (this.withheld !== undefined) return this.withheld;
    this.frames.push(frame);
    return { kind: "sent" };
  }

  state(): TesterState {
    return emptyState(this.bus);
  }

  /** The requests so far, as TXID#BYTES. */
  requests(): readonly string[] {
    return this.asked.map(({ ecu, pdu }) => keyOf(ecu.address.txId, pdu));
  }
}

/** A frame tap that is shown the frames that a test gives it. */
export class ShownTap extends BusFrameTap {
  /** What the bus has to receive, as told last. */
  wanted: readonly FrameFilter[] = [];
  readonly #batch = new FrameBatch(1);

  constructor() {
    super((filters) => {
      this.wanted = filters;
    });
  }

  show(...frames: readonly CanFrame[]): void {
    for (const { id, flags, data, receivedAtUs } of frames) {
      this.#batch.count = 0;
      this.#batch.push(id, flags, data, receivedAtUs);
      this.onFrames(this.#batch);
    }
  }
}

function replyOf(hex: string): Reply {
  const pdu = bytesOf(hex);
  if (pdu[0] === 0x7f) return { kind: "negative", service: pdu[1], code: pdu[2], pendings: 0 };
  return { kind: "answer", pdu, receivedAtUs: 0, pendings: 0 };
}

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

function keyOf(txId: number, pdu: Uint8Array): string {
  return `${txId.toString(16)}#${Buffer.from(pdu).toString("hex")}`;
}
