import { ChangeSignal } from "../../core/change-signal.ts";
import type { Clock } from "../../core/clock.ts";
import type { CanFrame } from "../../ports/frame.ts";
import { pgnOf, sourceOf } from "../../signals/pgn.ts";
import { TRANSPORT_GROUPS } from "../../signals/transport/j1939-transport.ts";
import type { FrameTap } from "../tester/frame-tap.ts";
import type { FrameWho, SentFrame } from "../tester/tester-bus.ts";
import { acknowledges, type Meaning, parseAcknowledgement } from "./acknowledgement.ts";
import { frameOf, GLOBAL_ADDRESS, GROUP, groupBytes, PRIORITY } from "./groups.ts";
import { groupFilters, type MessageLine, type NodeMessage } from "./message-line.ts";
import { parseControl } from "./transfer-control.ts";

/** How a request gets out, and its answers come in. */
export type RequestParts = {
  readonly send: (frame: CanFrame, who: FrameWho, signal: AbortSignal) => Promise<SentFrame>;
  readonly line: MessageLine;
  readonly tap: FrameTap;
  readonly clock: Clock;
};

/** A request for a group: from `own`, to a node or, 255, to all. */
export type GroupRequest = { readonly pgn: number; readonly to: number; readonly own: number };

/** Of one node, that it has nothing, or what it says of the request. */
export type NodeRemark = { readonly source: number; readonly meaning: Meaning };

/** What became of a request. With answers of none it went out, and nobody has said anything. */
export type GroupReply =
  | {
      readonly kind: "answers";
      /** In the order in which they came, one a node. */
      readonly answers: readonly NodeMessage[];
      readonly remarks: readonly NodeRemark[];
      readonly waitedMs: number;
    }
  | Exclude<SentFrame, { readonly kind: "sent" }>;

/** Longest wait for an answer to begin (SAE J1939-21, 5.10.2.4: T3; a node has to answer within 200 ms, but gateways take longer). */
const ANSWER_MS = 1250;
/** Longest time between the frames of one in several frames, and for the whole of it (255 packets, 200 ms apart). */
const PACKET_MS = 1250;
const WHOLE_MS = 60_000;

/**
 * Asks for a group (SAE J1939-21, 5.4.2) and gathers what is answered: of one node until it has said something, of all until the time is
 * over. An answer that has begun in time is waited for to its end.
 */
export async function requestGroup(
  parts: RequestParts,
  request: GroupRequest,
  who: FrameWho,
  signal: AbortSignal,
): Promise<GroupReply> {
  const { clock, send } = parts;
  const gathering = new Gathering(request, clock);
  const release = gathering.hear(parts);
  try {
    const way = { source: request.own, destination: request.to, priority: PRIORITY.usual };
    const sent = await send(frameOf(GROUP.request, way, Uint8Array.from(groupBytes(request.pgn))), who, signal);
    if (sent.kind !== "sent") return sent;
    return await gathering.wait(signal);
  } finally {
    release();
  }
}

/** What is said to one request. */
class Gathering {
  readonly #request: GroupRequest;
  readonly #clock: Clock;
  readonly #answers = new Map<number, NodeMessage>();
  readonly #remarks = new Map<number, NodeRemark>();
  /** Until when the next frame of an answer that has begun is waited for, monotonic ms, by its sender. */
  readonly #begun = new Map<number, number>();
  readonly #changed = new ChangeSignal();

  constructor(request: GroupRequest, clock: Clock) {
    this.#request = request;
    this.#clock = clock;
  }

  hear({ line, tap }: Pick<RequestParts, "line" | "tap">): () => void {
    const { pgn } = this.#request;
    const releases = [
      line.on([pgn], (message) => this.#takeAnswer(message)),
      line.on([GROUP.acknowledgement], (message) => this.#takeAcknowledgement(message)),
      tap.on(groupFilters(TRANSPORT_GROUPS), (frame) => this.#takeTransfer(frame)),
    ];
    return () => {
      for (const release of releases) release();
    };
  }

  async wait(signal: AbortSignal): Promise<GroupReply> {
    const startMs = this.#clock.monotonicMs();
    const isDone = (): boolean => this.#request.to !== GLOBAL_ADDRESS && this.#answers.size + this.#remarks.size > 0;
    while (!isDone() && !signal.aborted) {
      const nowMs = this.#clock.monotonicMs();
      const untilMs = Math.max(startMs + ANSWER_MS, ...this.#begun.values());
      const leftMs = Math.min(untilMs, startMs + WHOLE_MS) - nowMs;
      if (leftMs <= 0) break;
      await this.#pause(leftMs, signal);
    }
    const waitedMs = Math.round(this.#clock.monotonicMs() - startMs);
    if (signal.aborted) return { kind: "withheld", reason: "aborted", what: "ended before the answer" };
    return { kind: "answers", answers: [...this.#answers.values()], remarks: [...this.#remarks.values()], waitedMs };
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const timer = this.#clock.sleep(ms, either).then(() => over.abort());
    await this.#changed.next(either);
    over.abort();
    await timer;
  }

  #isFrom(source: number): boolean {
    return source !== this.#request.own && (this.#request.to === GLOBAL_ADDRESS || source === this.#request.to);
  }

  #takeAnswer(message: NodeMessage): void {
    const { source, destination } = message;
    if (!this.#isFrom(source) || (destination !== GLOBAL_ADDRESS && destination !== this.#request.own)) return;
    this.#begun.delete(source);
    this.#answers.set(source, message);
    this.#changed.notify();
  }

  #takeAcknowledgement({ source, data }: NodeMessage): void {
    const said = parseAcknowledgement(data);
    if (said === undefined || !this.#isFrom(source)) return;
    if (!acknowledges(said, this.#request.pgn, this.#request.own)) return;
    this.#remarks.set(source, { source, meaning: said.meaning });
    this.#changed.notify();
  }

  /** Answers in several frames are put together elsewhere; here is only seen that they come. */
  #takeTransfer({ id, data }: CanFrame): void {
    const source = sourceOf(id);
    if (!this.#isFrom(source)) return;
    const control = pgnOf(id) === GROUP.transferControl ? parseControl(data) : undefined;
    const isOurs = control?.pgn === this.#request.pgn;
    if (isOurs && control.kind === "abort") this.#begun.delete(source);
    const begins = isOurs && (control.kind === "announcement" || control.kind === "request-to-send");
    if (begins || this.#begun.has(source)) this.#begun.set(source, this.#clock.monotonicMs() + PACKET_MS);
  }
}
