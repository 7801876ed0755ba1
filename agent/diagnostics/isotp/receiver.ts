import { AgentError, messageOf } from "../../core/errors.ts";
import { separationByte } from "../../ports/isotp-settings.ts";
import type { Conversation, ReceiverSink } from "./conversation.ts";
import { Deadline } from "./deadline.ts";
import { ISOTP_TIMEOUT_MS, type IsoTpFaultCode, isoTpFault } from "./faults.ts";
import { type FlowStatus, flowControlFrame, type IsoTpFrame } from "./frame-codec.ts";

type Reception = {
  readonly pdu: Uint8Array;
  filled: number;
  /** Sequence number of the next consecutive frame, 0..15. */
  next: number;
  /** Consecutive frames since our last flow control. */
  inBlock: number;
  /** PDU bytes of a full consecutive frame, by the length of the first frame (RX_DL). */
  readonly fullBytes: number;
};

/**
 * Takes the frames of the other side and puts PDUs together, one at a time.
 *
 * What begins while another PDU is incomplete takes its place (`isotp.interrupted`). A flow control that is not handed to the bus
 * within N_Ar, or a consecutive frame that does not come within N_Cr, ends the reception.
 */
export class Receiver {
  readonly #conversation: Conversation;
  readonly #sink: ReceiverSink;
  readonly #separation: number;
  readonly #sendDeadline: Deadline;
  readonly #frameDeadline: Deadline;
  #reception: Reception | undefined;

  constructor(conversation: Conversation, sink: ReceiverSink) {
    const { clock, settings } = conversation;
    this.#conversation = conversation;
    this.#sink = sink;
    this.#separation = separationByte(settings.separationUs);
    this.#sendDeadline = new Deadline(clock, ISOTP_TIMEOUT_MS, () =>
      this.#fail(
        "isotp.timeout-flow-control-send",
        `the bus did not take a flow control within ${ISOTP_TIMEOUT_MS} ms`,
      ),
    );
    this.#frameDeadline = new Deadline(clock, ISOTP_TIMEOUT_MS, () =>
      this.#fail(
        "isotp.timeout-consecutive",
        `no consecutive frame within ${ISOTP_TIMEOUT_MS} ms, ${this.#progress()}`,
      ),
    );
  }

  /** Takes a frame with a PDU or a part of one; false when it is of no use here. */
  take(frame: Exclude<IsoTpFrame, { kind: "flow-control" }>, receivedAtUs: number): boolean {
    switch (frame.kind) {
      case "single":
        return this.#takeSingle(frame.bytes, receivedAtUs);
      case "first":
        return this.#takeFirst(frame.length, frame.bytes);
      case "consecutive":
        return this.#takeConsecutive(frame.sequence, frame.bytes, receivedAtUs);
    }
  }

  close(): void {
    this.#reception = undefined;
    this.#sendDeadline.close();
    this.#frameDeadline.close();
  }

  #takeSingle(bytes: Uint8Array, receivedAtUs: number): boolean {
    this.#giveWay();
    if (bytes.length > this.#conversation.settings.maxPduBytes) this.#refuse(bytes.length);
    else this.#sink.onPdu(bytes.slice(), receivedAtUs);
    return true;
  }

  #takeFirst(length: number, bytes: Uint8Array): boolean {
    this.#giveWay();
    if (length > this.#conversation.settings.maxPduBytes) {
      void this.#sendFlowControl("overflow", undefined);
      this.#refuse(length);
      return true;
    }
    // A first frame has one PDU byte less, or five, than a consecutive one; what is before the PCI is in neither.
    const fullBytes = bytes.length + (length > 0xfff ? 5 : 1);
    const reception = { pdu: new Uint8Array(length), filled: bytes.length, next: 1, inBlock: 0, fullBytes };
    reception.pdu.set(bytes);
    this.#reception = reception;
    void this.#sendFlowControl("continue", reception);
    return true;
  }

  #takeConsecutive(sequence: number, bytes: Uint8Array, receivedAtUs: number): boolean {
    const reception = this.#reception;
    if (reception === undefined) return false;
    const wantedBytes = Math.min(reception.fullBytes, reception.pdu.length - reception.filled);
    // Of another length than the first frame: none of this PDU. The last one may be shorter, and may be filled up.
    if (bytes.length > reception.fullBytes || bytes.length < wantedBytes) return false;
    if (sequence !== reception.next) {
      this.#fail(
        "isotp.wrong-sequence",
        `consecutive frame ${sequence} instead of ${reception.next}, ${this.#progress()}`,
      );
      return true;
    }
    reception.pdu.set(bytes.subarray(0, wantedBytes), reception.filled);
    reception.filled += wantedBytes;
    reception.next = (sequence + 1) & 0x0f;
    reception.inBlock += 1;
    if (reception.filled === reception.pdu.length) {
      this.close();
      this.#sink.onPdu(reception.pdu, receivedAtUs);
    } else if (reception.inBlock === this.#conversation.settings.blockSize) {
      reception.inBlock = 0;
      void this.#sendFlowControl("continue", reception);
    } else {
      this.#frameDeadline.set();
    }
    return true;
  }

  /** `reception` is what waits for it; undefined for an overflow, after which nothing does. */
  async #sendFlowControl(status: FlowStatus, reception: Reception | undefined): Promise<void> {
    const { layout, settings, sendFrame } = this.#conversation;
    if (reception !== undefined) {
      this.#frameDeadline.unset();
      this.#sendDeadline.set();
    }
    try {
      await sendFrame(flowControlFrame(layout, status, settings.blockSize, this.#separation));
    } catch (cause) {
      if (reception === undefined || this.#reception !== reception) return;
      this.#end(
        cause instanceof AgentError
          ? cause
          : isoTpFault("isotp.timeout-flow-control-send", this.#conversation.where, messageOf(cause)),
      );
      return;
    }
    if (reception === undefined || this.#reception !== reception) return;
    this.#sendDeadline.unset();
    this.#frameDeadline.set();
  }

  #giveWay(): void {
    if (this.#reception !== undefined) {
      this.#fail("isotp.interrupted", `another PDU began in the middle of one, ${this.#progress()}`);
    }
  }

  #refuse(length: number): void {
    const { where, settings } = this.#conversation;
    const problem = `a PDU of ${length} bytes is longer than ${settings.maxPduBytes}`;
    this.#sink.onFault(isoTpFault("isotp.overflow", where, problem));
  }

  #progress(): string {
    return `at byte ${this.#reception?.filled ?? 0} of ${this.#reception?.pdu.length ?? 0}`;
  }

  #fail(code: IsoTpFaultCode, problem: string): void {
    this.#end(isoTpFault(code, this.#conversation.where, problem));
  }

  #end(fault: AgentError): void {
    this.close();
    this.#sink.onFault(fault);
  }
}
