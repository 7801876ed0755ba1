import { AgentError, type FaultCode, messageOf } from "../../agent/core/errors.ts";
import { idKey } from "../../agent/ports/arbitration-id.ts";
import type {
  IsoTp,
  IsoTpAddress,
  IsoTpChannel,
  IsoTpCounters,
  IsoTpFunctionalAddress,
  IsoTpSettings,
  IsoTpSink,
} from "../../agent/ports/isotp.ts";
import { conversationText, isoTpProblem, separationByte } from "../../agent/ports/isotp-settings.ts";
import { type IsoTpWork, kernelIsoTpFault, openIsoTpFault } from "./isotp-faults.ts";
import { NATIVE_ISOTP_NEWS, type NativeAddon } from "./native-addon.ts";

/** CAN_EFF_FLAG, CAN_MTU, CANFD_MTU and CANFD_BRS (linux/can.h). */
const EXTENDED_FLAG = 0x8000_0000;
const CLASSIC_MTU = 16;
const FD_MTU = 72;
const BIT_RATE_SWITCH = 0x01;
/** Flags of CAN_ISOTP_OPTS (linux/can/isotp.h). */
const EXTEND_ADDR = 0x002;
const TX_PADDING = 0x004;
const RX_EXT_ADDR = 0x200;

/** What ISO-TP through the kernel is made of. */
export type KernelIsoTpParts = {
  /** Name of the bus, for faults. */
  readonly bus: string;
  readonly interface: string;
  readonly addon: Pick<NativeAddon, "isotpOpen" | "isotpSend" | "isotpClose">;
  /** ISO-TP over frames of the same bus, by which requests to many go out. */
  readonly frames: IsoTp;
};

/**
 * ISO-TP by the kernel's sockets CAN_ISOTP (Linux 5.10), through the receive addon. Its times do not depend on this process.
 *
 * What the kernel does otherwise than ISO-TP over frames: wait frames are not counted, separation time and block size are those of the
 * first flow control, a flow control with a reserved status ends a transmission without a word, and a reception that another one interrupts or that
 * is too long for the module is not told. `signal` and `close` stop a transmission within some milliseconds.
 */
export function createKernelIsoTp(parts: KernelIsoTpParts): IsoTp {
  return new KernelIsoTp(parts);
}

type Counters = { sent: number; received: number; faults: number };

class KernelIsoTp implements IsoTp {
  readonly kind = "kernel";
  readonly #parts: KernelIsoTpParts;
  readonly #counters: Counters = { sent: 0, received: 0, faults: 0 };
  readonly #channels = new Map<string, KernelChannel>();

  constructor(parts: KernelIsoTpParts) {
    this.#parts = parts;
  }

  open(address: IsoTpAddress, settings: IsoTpSettings, sink: IsoTpSink): IsoTpChannel {
    const { bus, interface: interfaceName, addon } = this.#parts;
    const where = `bus ${bus}, ${conversationText(address)}`;
    const problem = isoTpProblem(address, settings);
    if (problem !== undefined) throw channelFault("isotp.unsupported", where, problem);
    const key = `${idKey(address.rxId, address.extended)} ${address.rxByte ?? ""}`;
    if (this.#channels.has(key)) throw channelFault("isotp.busy", where, "somebody takes these answers already");
    const options = optionsOf(address, settings);
    const channel = new KernelChannel({
      where,
      addon,
      openSlot: (onNews) => {
        try {
          return addon.isotpOpen(interfaceName, options, onNews);
        } catch (cause) {
          throw openIsoTpFault(where, settings, cause);
        }
      },
      capacity: settings.txDataBytes - (settings.txDataBytes > 8 ? 2 : 1) - (address.txByte === undefined ? 0 : 1),
      sink,
      counters: this.#counters,
      onClose: () => this.#channels.delete(key),
    });
    this.#channels.set(key, channel);
    return channel;
  }

  async sendFunctional(address: IsoTpFunctionalAddress, settings: IsoTpSettings, pdu: Uint8Array): Promise<void> {
    await this.#parts.frames.sendFunctional(address, settings, pdu);
  }

  counters(): IsoTpCounters {
    const frames = this.#parts.frames.counters();
    const { sent, received, faults } = this.#counters;
    return { sent: sent + frames.sent, received, faults: faults + frames.faults, ignored: undefined };
  }

  close(): void {
    for (const channel of this.#channels.values()) channel.close();
  }
}

type News = Parameters<NativeAddon["isotpOpen"]>[2];

type ChannelParts = {
  readonly where: string;
  readonly addon: KernelIsoTpParts["addon"];
  readonly openSlot: (onNews: News) => number;
  /** PDU bytes of a single frame of ours. */
  readonly capacity: number;
  readonly sink: IsoTpSink;
  readonly counters: Counters;
  readonly onClose: () => void;
};

type Sending = { readonly work: IsoTpWork; fault: AgentError | undefined; settle(fault: AgentError | undefined): void };

class KernelChannel implements IsoTpChannel {
  readonly #parts: ChannelParts;
  #slot: number | undefined;
  #isClosed = false;
  #sending: Sending | undefined;

  /** Throws what `IsoTp.open` does. */
  constructor(parts: ChannelParts) {
    this.#parts = parts;
    this.#open();
  }

  async send(pdu: Uint8Array, signal?: AbortSignal): Promise<void> {
    const { counters } = this.#parts;
    try {
      await this.#send(pdu, signal);
    } catch (fault) {
      counters.faults += 1;
      throw fault;
    }
    counters.sent += 1;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeSlot();
    this.#parts.onClose();
    this.#sending?.settle(this.#aborted());
  }

  async #send(pdu: Uint8Array, signal: AbortSignal | undefined): Promise<void> {
    const { where, addon, capacity } = this.#parts;
    if (this.#isClosed || signal?.aborted === true) throw this.#aborted();
    if (this.#sending !== undefined) throw channelFault("isotp.busy", where, "another PDU is being sent");
    if (pdu.length === 0) throw channelFault("isotp.unsupported", where, "a PDU of 0 bytes cannot be sent");
    // The interface was deleted; it may have been made again.
    const slot = this.#slot ?? this.#open();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = (fault: AgentError | undefined): void => (fault === undefined ? resolve() : reject(fault));
    this.#sending = { work: pdu.length <= capacity ? "single" : "multiple", fault: undefined, settle };
    const onAbort = (): void => {
      // The kernel gives up a transmission with its socket alone.
      this.#closeSlot();
      settle(this.#aborted());
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      addon.isotpSend(slot, pdu);
      await promise;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      this.#sending = undefined;
      this.#reopen();
    }
  }

  #open(): number {
    const slot = this.#parts.openSlot((kind, value, pdu) => this.#onNews(kind, value, pdu));
    this.#slot = slot;
    return slot;
  }

  /** After an abort: answers to others' requests, and the next request, go on. */
  #reopen(): void {
    if (this.#isClosed || this.#slot !== undefined) return;
    try {
      this.#open();
    } catch (cause) {
      const fault =
        cause instanceof AgentError ? cause : channelFault("isotp.aborted", this.#parts.where, messageOf(cause));
      this.#tellFault(fault);
    }
  }

  #closeSlot(): void {
    if (this.#slot === undefined) return;
    this.#parts.addon.isotpClose(this.#slot);
    this.#slot = undefined;
  }

  #onNews(kind: number, value: number | string | undefined, pdu: Uint8Array | undefined): void {
    const errno = typeof value === "string" ? value : undefined;
    switch (NATIVE_ISOTP_NEWS[kind]) {
      case "pdu":
        if (pdu === undefined || typeof value !== "number") return;
        this.#parts.counters.received += 1;
        this.#parts.sink.onPdu(pdu, value);
        return;
      case "error":
        this.#onError(errno ?? "EIO");
        return;
      case "sent":
        this.#onSent(errno);
        return;
      case undefined:
    }
  }

  #onSent(errno: string | undefined): void {
    const sending = this.#sending;
    if (sending === undefined) return;
    if (errno === "ETIMEDOUT" || errno === "EILSEQ") this.#tellFault(this.#faultOf(errno, "reception"));
    else if (errno !== undefined) sending.fault ??= this.#faultOf(errno, sending.work);
    sending.settle(sending.fault);
  }

  #onError(errno: string): void {
    const sending = this.#sending;
    const isOfLink = LINK_ERRORS.has(errno);
    const isOfSending = isOfLink || TRANSMISSION_ERRORS.has(errno) || (errno === "EBADMSG" && sending !== undefined);
    if (errno === "ENODEV") this.#closeSlot();
    if (isOfLink || !isOfSending) this.#tellFault(this.#faultOf(errno, "reception"));
    // One that comes after the end of its transmission has been told with that.
    if (sending === undefined || !isOfSending) return;
    sending.fault ??= this.#faultOf(errno, sending.work);
    if (this.#slot === undefined) sending.settle(sending.fault);
  }

  #tellFault(fault: AgentError): void {
    if (this.#isClosed) return;
    this.#parts.counters.faults += 1;
    this.#parts.sink.onFault(fault);
  }

  #faultOf(errno: string, work: IsoTpWork): AgentError {
    return kernelIsoTpFault(errno, this.#parts.where, work);
  }

  #aborted(): AgentError {
    return channelFault("isotp.aborted", this.#parts.where, "given up before the end");
  }
}

/** Errors of a socket that tell of what it sends, and of its interface; the others are of what it receives. */
const TRANSMISSION_ERRORS: ReadonlySet<string> = new Set(["ECOMM", "EMSGSIZE"]);
const LINK_ERRORS: ReadonlySet<string> = new Set(["ENETDOWN", "ENODEV"]);

function optionsOf(address: IsoTpAddress, settings: IsoTpSettings): Uint32Array {
  const { txId, rxId, extended, txByte, rxByte } = address;
  const { fd, txDataBytes, bitRateSwitch, padding, blockSize, separationUs, maxPduBytes } = settings;
  const idFlags = extended ? EXTENDED_FLAG : 0;
  const hasByte = txByte !== undefined || rxByte !== undefined;
  const flags = (hasByte ? EXTEND_ADDR | RX_EXT_ADDR : 0) | (padding === undefined ? 0 : TX_PADDING);
  const ids = [txId + idFlags, rxId + idFlags];
  const link = [fd ? FD_MTU : CLASSIC_MTU, txDataBytes, fd && bitRateSwitch ? BIT_RATE_SWITCH : 0];
  const flow = [blockSize, separationByte(separationUs)];
  const general = [flags, txByte ?? 0, rxByte ?? 0, padding ?? 0];
  return Uint32Array.from([...ids, ...general, ...link, ...flow, maxPduBytes]);
}

function channelFault(code: FaultCode, where: string, problem: string): AgentError {
  return new AgentError(code, { what: `${where}: ${problem}`, remedy: "correct the request, or try again" });
}
