import { AgentError, messageOf } from "../../core/errors.ts";
import { ISOTP_LARGEST_PDU_BYTES } from "../../ports/isotp-settings.ts";
import type { Conversation } from "./conversation.ts";
import { Deadline } from "./deadline.ts";
import { ISOTP_TIMEOUT_MS, type IsoTpFaultCode, isoTpFault } from "./faults.ts";
import { consecutiveCapacity, consecutiveFrame, firstFrame, type IsoTpFrame, singleFrame } from "./frame-codec.ts";

type FlowControl = Extract<IsoTpFrame, { kind: "flow-control" }>;

/** Sends PDUs as the other side asks for them, one at a time. */
export class Sender {
  readonly #conversation: Conversation;
  #transmission: Transmission | undefined;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
  }

  /** As `IsoTpChannel.send`. */
  async send(pdu: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const { where } = this.#conversation;
    if (this.#transmission !== undefined) throw isoTpFault("isotp.busy", where, "another PDU is being sent");
    if (pdu.length === 0 || pdu.length > ISOTP_LARGEST_PDU_BYTES) {
      throw isoTpFault("isotp.unsupported", where, `a PDU of ${pdu.length} bytes cannot be sent`);
    }
    const transmission = new Transmission(this.#conversation);
    const onAbort = (): void => transmission.abort();
    this.#transmission = transmission;
    signal?.addEventListener("abort", onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    try {
      await transmission.run(pdu);
    } finally {
      this.#transmission = undefined;
      signal?.removeEventListener("abort", onAbort);
      transmission.close();
    }
  }

  /** Takes a flow control; false when nothing waits for it. */
  take(flow: FlowControl): boolean {
    return this.#transmission?.take(flow) ?? false;
  }

  close(): void {
    this.#transmission?.abort();
  }
}

/** How one PDU goes out. */
class Transmission {
  readonly #conversation: Conversation;
  readonly #sendDeadline: Deadline;
  readonly #flowDeadline: Deadline;
  readonly #ended = new AbortController();
  /** A flow control is expected, from the moment in which the frame that asks for it is given away. */
  #isWaiting = false;
  #flow: FlowControl | undefined;
  #waits = 0;
  #fault: AgentError | undefined;
  /** Let `run` go on that waits for a flow control, or for the bus to take a frame. */
  #onFlow: () => void = () => undefined;
  #onFrameGone: () => void = () => undefined;

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
    this.#sendDeadline = new Deadline(conversation.clock, ISOTP_TIMEOUT_MS, () =>
      this.#fail("isotp.timeout-send", `the bus did not take a frame within ${ISOTP_TIMEOUT_MS} ms`),
    );
    this.#flowDeadline = new Deadline(conversation.clock, ISOTP_TIMEOUT_MS, () =>
      this.#fail("isotp.timeout-flow-control", `no flow control within ${ISOTP_TIMEOUT_MS} ms`),
    );
  }

  async run(pdu: Uint8Array): Promise<void> {
    const { layout } = this.#conversation;
    const single = singleFrame(layout, pdu);
    if (single !== undefined) {
      await this.#sendFrame(single);
      return;
    }
    const { data, taken } = firstFrame(layout, pdu);
    this.#isWaiting = true;
    await this.#sendFrame(data);
    let sent = taken;
    let sequence = 1;
    while (sent < pdu.length) {
      const flow = await this.#nextFlow();
      const blockBytes = flow.blockSize === 0 ? pdu.length : flow.blockSize * consecutiveCapacity(layout);
      const block = pdu.subarray(sent, sent + blockBytes);
      sequence = await this.#sendBlock(block, sequence, flow.separationUs, sent + block.length < pdu.length);
      sent += block.length;
    }
  }

  take(flow: FlowControl): boolean {
    if (!this.#isWaiting) return false;
    if (flow.status === "wait") {
      this.#waits += 1;
      const { maxWaitFrames } = this.#conversation.settings;
      if (this.#waits > maxWaitFrames) {
        this.#fail("isotp.too-many-waits", `told to wait ${this.#waits} times, ${maxWaitFrames} are borne`);
      } else {
        this.#flowDeadline.set();
      }
      return true;
    }
    this.#isWaiting = false;
    if (flow.status === "overflow") {
      this.#fail("isotp.overflow", "the PDU is too long for the other side");
    } else if (flow.status === "reserved") {
      this.#fail("isotp.bad-frame", "a flow control with a reserved status");
    } else {
      this.#flow = flow;
      this.#onFlow();
    }
    return true;
  }

  abort(): void {
    this.#fail("isotp.aborted", "given up before the end");
  }

  close(): void {
    this.#isWaiting = false;
    this.#ended.abort();
    this.#sendDeadline.close();
    this.#flowDeadline.close();
  }

  /** Consecutive frames with `block`; gives the sequence number after them. `asksForFlow`: the other side answers the last one. */
  async #sendBlock(block: Uint8Array, first: number, separationUs: number, asksForFlow: boolean): Promise<number> {
    const { layout } = this.#conversation;
    const capacity = consecutiveCapacity(layout);
    let sequence = first;
    for (let at = 0; at < block.length; at += capacity) {
      if (at > 0) await this.#separate(separationUs);
      const bytes = block.subarray(at, at + capacity);
      this.#isWaiting = asksForFlow && at + capacity >= block.length;
      await this.#sendFrame(consecutiveFrame(layout, sequence, bytes));
      sequence = (sequence + 1) & 0x0f;
    }
    return sequence;
  }

  async #nextFlow(): Promise<FlowControl> {
    this.#flowDeadline.set();
    while (this.#flow === undefined) {
      this.#throwFault();
      await new Promise<void>((resolve) => {
        this.#onFlow = resolve;
      });
    }
    this.#flowDeadline.unset();
    const flow = this.#flow;
    this.#flow = undefined;
    return flow;
  }

  async #sendFrame(data: Uint8Array): Promise<void> {
    this.#throwFault();
    this.#sendDeadline.set();
    await new Promise<void>((resolve) => {
      this.#onFrameGone = resolve;
      this.#conversation.sendFrame(data).then(resolve, (cause: unknown) => {
        this.#end(cause instanceof AgentError ? cause : this.#faultOf("isotp.timeout-send", messageOf(cause)));
      });
    });
    this.#sendDeadline.unset();
    this.#throwFault();
  }

  async #separate(separationUs: number): Promise<void> {
    if (separationUs === 0) return;
    const { clock } = this.#conversation;
    const dueMs = clock.monotonicMs() + separationUs / 1000;
    // A timer may fire a little early.
    for (let restMs = dueMs - clock.monotonicMs(); restMs > 0; restMs = dueMs - clock.monotonicMs()) {
      await clock.sleep(restMs, this.#ended.signal);
      this.#throwFault();
    }
  }

  #throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  #faultOf(code: IsoTpFaultCode, problem: string): AgentError {
    return isoTpFault(code, this.#conversation.where, problem);
  }

  #fail(code: IsoTpFaultCode, problem: string): void {
    this.#end(this.#faultOf(code, problem));
  }

  #end(fault: AgentError): void {
    this.#fault ??= fault;
    this.#ended.abort();
    this.#onFlow();
    this.#onFrameGone();
  }
}
