import type { AgentError } from "../core/errors.ts";

/** Data bytes that frames of one sender may have (TX_DL, ISO 15765-2:2016, table 11): 8 on classic CAN, any of them on CAN FD. */
export const ISOTP_DATA_BYTES = [8, 12, 16, 20, 24, 32, 48, 64] as const;
export type IsoTpDataBytes = (typeof ISOTP_DATA_BYTES)[number];

/** Ids and address bytes of one conversation (ISO 15765-2: normal, extended and mixed addressing). */
export type IsoTpAddress = {
  /** Arbitration id of what we send: the requests, and flow control for the answers. */
  readonly txId: number;
  /** Arbitration id of what the other side sends. */
  readonly rxId: number;
  /** Both ids have 29 bits. */
  readonly extended: boolean;
  /** Byte 0 of every frame that we send, before the PCI: the target address of extended, the address extension of mixed addressing. Absent: normal addressing. */
  readonly txByte?: number | undefined;
  /** Byte 0 of every frame that we take; frames with another one are not of this conversation. There are both bytes, or none. */
  readonly rxByte?: number | undefined;
};

/** How we send, and what we ask of the other side. */
export type IsoTpSettings = {
  /** CAN FD frames. Where it is false, FD frames are not of this conversation; where it is true, classic frames need not be. */
  readonly fd: boolean;
  /** FD frames with the higher bit rate for their data. */
  readonly bitRateSwitch: boolean;
  /** Data bytes of a full frame of ours; 8 where `fd` is false. */
  readonly txDataBytes: IsoTpDataBytes;
  /** Byte that fills frames up: to 8 bytes, longer ones to the next length that CAN FD has. Absent: only where CAN FD must (0xCC). */
  readonly padding: number | undefined;
  /** Consecutive frames that we take before our next flow control; 0 all, to 255. */
  readonly blockSize: number;
  /** Least time between two consecutive frames of the other side, µs: 0, 100 to 900, or ms up to 127 000; others are rounded up. */
  readonly separationUs: number;
  /** Flow controls "wait" that we bear within one PDU. The kernel's ISO-TP does not count them. */
  readonly maxWaitFrames: number;
  /** Longest PDU that we take. A longer one is answered with "overflow" and is `isotp.overflow`. */
  readonly maxPduBytes: number;
};

/** A request to many: one single frame. */
export type IsoTpFunctionalAddress = Pick<IsoTpAddress, "txId" | "extended" | "txByte">;

/** What comes in a conversation. Never called re-entrantly, and not from inside `open` or `send`. What it throws is a bug. */
export type IsoTpSink = {
  /** A whole PDU, in an own copy. `receivedAtUs` is the receive time of its last frame, µs since the Unix epoch. */
  onPdu(pdu: Uint8Array, receivedAtUs: number): void;
  /** A reception ended without a PDU, for one of the faults `isotp.*`, or the bus is not there (`bus.unavailable`). The channel stays open. */
  onFault(fault: AgentError): void;
};

/** One open conversation. It sends and receives at the same time. */
export type IsoTpChannel = {
  /**
   * Sends one PDU; resolves when its last frame is handed to the bus, which an answer may come before. Rejects with a fault that ended it, and is then not sent on:
   * `isotp.busy` while another is sent, `isotp.timeout-send` (N_As), `isotp.timeout-flow-control` (N_Bs), `isotp.overflow`,
   * `isotp.too-many-waits`, `isotp.bad-frame` (a flow control that makes no sense), `isotp.unsupported` (an empty PDU, or one that
   * is too long for whoever sends), `isotp.aborted` (`signal`, or `close`), and those of `CanBus.send`.
   */
  send(pdu: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Ends the conversation at once and for good. No callback comes after it. */
  close(): void;
};

/** Counts since the beginning, all conversations together. */
export type IsoTpCounters = {
  /** PDUs handed to the bus whole, functional ones too. */
  readonly sent: number;
  /** PDUs handed to a sink. */
  readonly received: number;
  /** Receptions and transmissions that ended in a fault. */
  readonly faults: number;
  /** Frames of an open conversation that made no sense there; undefined where the kernel drops them. */
  readonly ignored: number | undefined;
};

/**
 * ISO-TP (ISO 15765-2) on one bus.
 *
 * Time-outs are those of ISO 15765-2, 1000 ms each. One conversation a pair of ids: a second `open` of an open pair throws
 * `isotp.busy`. A reception that is interrupted by a new one (`isotp.interrupted`) gives way to it.
 */
export type IsoTp = {
  /** Whose state machine it is: the kernel's sockets CAN_ISOTP, or ours over frames of the bus. */
  readonly kind: "kernel" | "frames";
  /** Throws `isotp.unsupported` for settings or an address that cannot be, `bus.*` where the kernel refuses. */
  open(address: IsoTpAddress, settings: IsoTpSettings, sink: IsoTpSink): IsoTpChannel;
  /** Sends a single frame to many. Whoever answers does so in a conversation of its own. Rejects as `IsoTpChannel.send` does. */
  sendFunctional(address: IsoTpFunctionalAddress, settings: IsoTpSettings, pdu: Uint8Array): Promise<void>;
  counters(): IsoTpCounters;
  /** Closes every channel. */
  close(): void;
};
