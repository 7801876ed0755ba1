import type { Clock } from "../../core/clock.ts";
import { AgentError } from "../../core/errors.ts";
import type { IsoTp, IsoTpChannel, IsoTpSettings } from "../../ports/isotp.ts";
import type { Ask, Reply } from "./tester-bus.ts";

/** Of a client that asks over a gateway: the 50 ms of an ECU, and transport (python-udsoncan takes 1 s, ISO 14229-2 says of P2 what an ECU has). */
const P2_MS = 1000;
/** After "response pending" (ISO 14229-2, P2* of the server). */
const P2_STAR_MS = 5000;
/** While frames of an answer come, the time-outs of ISO-TP count (N_Cr 1000 ms), and these only for a transport that hangs. */
const FRAME_MS = 1500;
/** `7F service code` (ISO 14229-1). */
const NEGATIVE = 0x7f;
const RESPONSE_PENDING = 0x78;
/** From a service to its positive answer (ISO 14229-1). */
const POSITIVE_OFFSET = 0x40;

export type ConversationParts = {
  readonly isotp: IsoTp;
  readonly isotpSettings: IsoTpSettings;
  readonly clock: Clock;
  /** Longest time of "response pending" in all, ms. */
  readonly pendingMs: number;
  /** The ECU said "response pending". */
  readonly onPending: () => void;
  /** An answer came that is none to this request. */
  readonly onStray: () => void;
};

/** One request and its answer. The channel is open for no longer, so that nobody else's answers are steered by us. */
export class Conversation {
  readonly #ask: Ask;
  readonly #parts: ConversationParts;
  readonly #ended = new AbortController();
  readonly #reply = Promise.withResolvers<Reply>();
  readonly #startedMs: number;
  #channel: IsoTpChannel | undefined;
  /** When the ECU counts as silent. */
  #dueMs = Number.POSITIVE_INFINITY;
  #pendings = 0;

  constructor(ask: Ask, parts: ConversationParts) {
    this.#ask = ask;
    this.#parts = parts;
    this.#startedMs = parts.clock.monotonicMs();
  }

  get pendings(): number {
    return this.#pendings;
  }

  get startedMs(): number {
    return this.#startedMs;
  }

  /** Sends the request; resolves with what became of it. */
  async run(): Promise<Reply> {
    const { isotp, isotpSettings, clock } = this.#parts;
    try {
      this.#channel = isotp.open(this.#ask.ecu.address, isotpSettings, {
        onPdu: (pdu, receivedAtUs) => this.#take(pdu, receivedAtUs),
        onFault: (fault) => this.#fail(fault),
      });
      await this.#channel.send(this.#ask.pdu, this.#ended.signal);
      if (this.#ask.answerless === true) {
        this.end({ kind: "answer", pdu: new Uint8Array(), receivedAtUs: clock.wallUs(), pendings: 0 });
      } else if (this.#pendings === 0) {
        this.#dueMs = clock.monotonicMs() + (this.#ask.p2Ms ?? P2_MS);
      }
      await this.#untilSilent();
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.end({ kind: "fault", fault: thrown });
    } finally {
      this.#channel?.close();
    }
    return await this.#reply.promise;
  }

  /** Ends it at once with this reply; nothing more is sent. Does nothing once it has ended. */
  end(reply: Reply): void {
    if (this.#ended.signal.aborted) return;
    this.#reply.resolve(reply);
    this.#channel?.close();
    this.#ended.abort();
  }

  /** A frame of an answer of several came: it has begun. Does not go on for ever, whatever comes. */
  sawPart(): void {
    if (this.#dueMs === Number.POSITIVE_INFINITY) return;
    const latestMs = this.#startedMs + this.#parts.pendingMs + FRAME_MS;
    const nextMs = Math.min(this.#parts.clock.monotonicMs() + FRAME_MS, latestMs);
    this.#dueMs = Math.max(this.#dueMs, nextMs);
  }

  async #untilSilent(): Promise<void> {
    const { clock } = this.#parts;
    while (!this.#ended.signal.aborted) {
      const nowMs = clock.monotonicMs();
      if (nowMs >= this.#dueMs) {
        this.end({ kind: "silent", waitedMs: nowMs - this.#startedMs, pendings: this.#pendings });
      } else await clock.sleep(this.#dueMs - nowMs, this.#ended.signal);
    }
  }

  #take(pdu: Uint8Array, receivedAtUs: number): void {
    const { pdu: request, repeats = 0 } = this.#ask;
    const [service] = request;
    if (pdu[0] === NEGATIVE && pdu[1] === service && pdu.length >= 3) {
      const code = pdu[2];
      if (code === RESPONSE_PENDING) this.#wait();
      else this.end({ kind: "negative", service, code, pendings: this.#pendings });
      return;
    }
    const repeated = request.subarray(1, 1 + repeats);
    const isMeant = pdu[0] === service + POSITIVE_OFFSET && repeated.every((byte, at) => pdu[1 + at] === byte);
    if (isMeant) this.end({ kind: "answer", pdu, receivedAtUs, pendings: this.#pendings });
    else this.#parts.onStray();
  }

  #wait(): void {
    this.#pendings += 1;
    const longestMs = Math.min(this.#ask.pendingMs ?? Number.POSITIVE_INFINITY, this.#parts.pendingMs);
    const nextMs = this.#parts.clock.monotonicMs() + (this.#ask.p2StarMs ?? P2_STAR_MS);
    this.#dueMs = Math.min(nextMs, this.#startedMs + longestMs);
    this.#parts.onPending();
  }

  #fail(fault: AgentError): void {
    // A reception that gave way to a new one, which is the answer then.
    if (fault.code !== "isotp.interrupted") this.end({ kind: "fault", fault });
  }
}
