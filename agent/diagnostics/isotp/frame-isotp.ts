import type { Clock } from "../../core/clock.ts";
import type { AgentError } from "../../core/errors.ts";
import { idKey, largestId } from "../../ports/arbitration-id.ts";
import type { CanBus } from "../../ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../ports/frame.ts";
import type {
  IsoTp,
  IsoTpAddress,
  IsoTpChannel,
  IsoTpCounters,
  IsoTpFunctionalAddress,
  IsoTpSettings,
  IsoTpSink,
} from "../../ports/isotp.ts";
import { conversationText, functionalProblem, isoTpProblem, sideText } from "../../ports/isotp-settings.ts";
import type { FrameTap } from "../tester/frame-tap.ts";
import type { Conversation } from "./conversation.ts";
import { isoTpFault } from "./faults.ts";
import { layoutOf, parseIsoTpFrame, singleFrame } from "./frame-codec.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";

/** What ISO-TP over frames is made of. */
export type FrameIsoTpParts = {
  /** Name of the bus, for faults. */
  readonly bus: string;
  readonly send: CanBus["send"];
  readonly tap: FrameTap;
  readonly clock: Clock;
};

/** ISO-TP by a state machine of our own, for buses whose frames are all that there is: socketcand, replay, npm socketcan. */
export function createFrameIsoTp(parts: FrameIsoTpParts): IsoTp {
  return new FrameIsoTp(parts);
}

type Counters = { -readonly [K in keyof IsoTpCounters]: number };

class FrameIsoTp implements IsoTp {
  readonly kind = "frames";
  readonly #parts: FrameIsoTpParts;
  readonly #counters: Counters = { sent: 0, received: 0, faults: 0, ignored: 0 };
  readonly #channels = new Map<string, FrameChannel>();

  constructor(parts: FrameIsoTpParts) {
    this.#parts = parts;
  }

  open(address: IsoTpAddress, settings: IsoTpSettings, sink: IsoTpSink): IsoTpChannel {
    const { bus, clock } = this.#parts;
    const where = `bus ${bus}, ${conversationText(address)}`;
    const problem = isoTpProblem(address, settings);
    if (problem !== undefined) throw isoTpFault("isotp.unsupported", where, problem);
    const key = `${idKey(address.rxId, address.extended)} ${address.rxByte ?? ""}`;
    if (this.#channels.has(key)) throw isoTpFault("isotp.busy", where, "somebody takes these answers already");
    const conversation: Conversation = {
      where,
      settings,
      layout: layoutOf(settings, address.txByte),
      clock,
      sendFrame: (data) => this.#send(address, settings, data),
    };
    const channel = new FrameChannel(conversation, address, { sink, counters: this.#counters });
    const filter = { id: address.rxId, mask: largestId(address.extended), extended: address.extended };
    const release = this.#parts.tap.on([filter], (frame) => channel.take(frame));
    channel.onClose = () => {
      release();
      this.#channels.delete(key);
    };
    this.#channels.set(key, channel);
    return channel;
  }

  async sendFunctional(address: IsoTpFunctionalAddress, settings: IsoTpSettings, pdu: Uint8Array): Promise<void> {
    const { txId, txByte, extended } = address;
    const where = `bus ${this.#parts.bus}, ${sideText(txId, extended, txByte)}`;
    const problem = functionalProblem(address, settings);
    if (problem !== undefined) throw isoTpFault("isotp.unsupported", where, problem);
    const data = pdu.length === 0 ? undefined : singleFrame(layoutOf(settings, txByte), pdu);
    if (data === undefined) {
      throw isoTpFault("isotp.unsupported", where, `a request to many of ${pdu.length} bytes is no single frame`);
    }
    await this.#send(address, settings, data);
    this.#counters.sent += 1;
  }

  counters(): IsoTpCounters {
    return { ...this.#counters };
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
  }

  #send({ txId, extended }: IsoTpFunctionalAddress, settings: IsoTpSettings, data: Uint8Array): Promise<void> {
    const fdFlags = settings.fd ? FRAME_FLAG.fd | (settings.bitRateSwitch ? FRAME_FLAG.bitRateSwitch : 0) : 0;
    return this.#parts.send({ id: txId, flags: (extended ? FRAME_FLAG.extended : 0) | fdFlags, data, receivedAtUs: 0 });
  }
}

class FrameChannel implements IsoTpChannel {
  readonly #receiver: Receiver;
  readonly #sender: Sender;
  readonly #address: IsoTpAddress;
  readonly #isFd: boolean;
  readonly #counters: Counters;
  #isClosed = false;
  onClose: () => void = () => undefined;

  constructor(
    conversation: Conversation,
    address: IsoTpAddress,
    { sink, counters }: { readonly sink: IsoTpSink; readonly counters: Counters },
  ) {
    this.#address = address;
    this.#isFd = conversation.settings.fd;
    this.#counters = counters;
    this.#sender = new Sender(conversation);
    this.#receiver = new Receiver(conversation, {
      onPdu: (pdu, receivedAtUs) => {
        if (this.#isClosed) return;
        counters.received += 1;
        sink.onPdu(pdu, receivedAtUs);
      },
      onFault: (fault: AgentError) => {
        if (this.#isClosed) return;
        counters.faults += 1;
        sink.onFault(fault);
      },
    });
  }

  take(frame: CanFrame): void {
    if (!this.#takeFrame(frame)) this.#counters.ignored += 1;
  }

  async send(pdu: Uint8Array, signal?: AbortSignal): Promise<void> {
    try {
      if (this.#isClosed)
        throw isoTpFault("isotp.aborted", conversationText(this.#address), "the conversation is over");
      await this.#sender.send(pdu, signal);
    } catch (fault) {
      this.#counters.faults += 1;
      throw fault;
    }
    this.#counters.sent += 1;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.onClose();
    this.#sender.close();
    this.#receiver.close();
  }

  /** False for a frame that makes no sense here. */
  #takeFrame({ flags, data, receivedAtUs }: CanFrame): boolean {
    const { rxByte } = this.#address;
    // A driver (npm socketcan) may not tell that a short frame is one of CAN FD, so a classic one is taken for that.
    if ((flags & FRAME_FLAG.fd) !== 0 && !this.#isFd) return false;
    // Of another conversation with the same id.
    if (rxByte !== undefined && data[0] !== rxByte) return true;
    const parsed = parseIsoTpFrame(data, rxByte === undefined ? 0 : 1);
    if (parsed === undefined) return false;
    return parsed.kind === "flow-control" ? this.#sender.take(parsed) : this.#receiver.take(parsed, receivedAtUs);
  }
}
