import type { Clock } from "../../core/clock.ts";
import type { AgentError } from "../../core/errors.ts";
import type { IsoTpSettings } from "../../ports/isotp.ts";
import type { FrameLayout } from "./frame-codec.ts";

/** What the two directions of a conversation share. */
export type Conversation = {
  /** Bus and ids, for faults. */
  readonly where: string;
  readonly settings: IsoTpSettings;
  /** Of our frames. */
  readonly layout: FrameLayout;
  readonly clock: Clock;
  /** Hands the data bytes of one frame to the bus; as `CanBus.send`. */
  readonly sendFrame: (data: Uint8Array) => Promise<void>;
};

/** What a receiver tells. */
export type ReceiverSink = {
  onPdu(pdu: Uint8Array, receivedAtUs: number): void;
  onFault(fault: AgentError): void;
};
