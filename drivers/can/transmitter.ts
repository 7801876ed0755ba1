import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, messageOf } from "../../agent/core/errors.ts";
import { upWith } from "../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../agent/ports/frame.ts";
import { describeInterface, kernelHasCan, readInterface } from "./can-interface.ts";
import { busOff, checkFrame, kernelWithoutCan, notCan, transmitFailed } from "./faults.ts";
import { type FrameToSend, type RawChannel, type RawChannels, RECEIVE_NOTHING } from "./raw-channel.ts";

/** Longest wait for room in the interface's queue. */
const QUEUE_WAIT_MS = 500;
const RETRY_MS = 5;

export type TransmitterParts = {
  /** Its name in the configuration. */
  readonly bus: string;
  readonly interface: string;
  readonly clock: Clock;
  /** Whether the controller is known to be bus-off. */
  readonly isBusOff: () => boolean;
  readonly load: () => Promise<RawChannels>;
};

/**
 * Sends frames on a SocketCAN interface through npm socketcan, on a socket of its own that is opened at the first frame.
 *
 * The error state indicator of an FD frame is the controller's own matter and is not sent.
 */
export class Transmitter {
  readonly #parts: TransmitterParts;
  #channels: RawChannels | undefined;
  #channel: RawChannel | undefined;
  #transmitted = 0;

  constructor(parts: TransmitterParts) {
    this.#parts = parts;
  }

  /** Frames the kernel took. */
  get transmitted(): number {
    return this.#transmitted;
  }

  /**
   * Rejects with `bus.transmit-failed` when the kernel has not taken the frame within half a second or the controller is bus-off,
   * `bus.unsupported` without kernel CAN.
   */
  async send(frame: CanFrame): Promise<void> {
    const { bus, clock, isBusOff, load } = this.#parts;
    checkFrame(bus, frame);
    this.#channels ??= await load();
    const outgoing = toOutgoing(frame);
    const isFd = (frame.flags & FRAME_FLAG.fd) !== 0;
    const deadlineMs = clock.monotonicMs() + QUEUE_WAIT_MS;
    let reopened = false;
    for (;;) {
      if (isBusOff()) throw busOff(bus);
      const channel = this.#channel ?? this.#openChannel(this.#channels);
      if ((isFd ? channel.sendFD(outgoing) : channel.send(outgoing)) > 0) break;
      if (clock.monotonicMs() >= deadlineMs || (reopened && !this.#isUp())) throw this.#failure(isFd);
      if (!reopened) {
        // The interface may have been deleted and made again: the old socket stays bound to the old one.
        reopened = true;
        this.#channel = undefined;
      } else {
        await clock.sleep(RETRY_MS);
      }
    }
    this.#transmitted += 1;
  }

  close(): void {
    this.#channel = undefined;
  }

  #openChannel(channels: RawChannels): RawChannel {
    const { bus, interface: interfaceName } = this.#parts;
    try {
      const channel = channels.open(interfaceName);
      channel.setErrorFilters(0);
      channel.setRxFilters(RECEIVE_NOTHING);
      this.#channel = channel;
      return channel;
    } catch (cause) {
      throw openFailure(bus, interfaceName, cause);
    }
  }

  #isUp(): boolean {
    const link = readInterface(this.#parts.interface);
    return link !== undefined && link !== "not-can" && link.up;
  }

  /** npm socketcan gives no errno, so the cause is read from the interface. */
  #failure(isFd: boolean): AgentError {
    const { bus, interface: interfaceName } = this.#parts;
    const link = readInterface(interfaceName);
    if (link === undefined || link === "not-can" || !link.up) {
      return transmitFailed(bus, describeInterface(interfaceName, link), upWith(interfaceName));
    }
    if (isFd && !link.fd) {
      return transmitFailed(bus, `interface ${interfaceName} carries no CAN FD`, "send a classic frame");
    }
    return transmitFailed(
      bus,
      `the queue of ${interfaceName} stayed full for ${QUEUE_WAIT_MS} ms`,
      "check that another node acknowledges frames (bus-off, wiring, bit rate) or raise txqueuelen",
    );
  }
}

/** Why npm socketcan could not open a channel; it says nothing itself. */
export function openFailure(bus: string, interfaceName: string, cause: unknown): AgentError {
  if (cause instanceof AgentError) return cause;
  const link = readInterface(interfaceName);
  if (link === "not-can") return notCan(interfaceName, cause);
  if (!kernelHasCan()) return kernelWithoutCan(interfaceName, cause);
  const why = link === undefined ? describeInterface(interfaceName, link) : messageOf(cause);
  return transmitFailed(bus, why, "see causeway bus list", cause);
}

function toOutgoing(frame: CanFrame): FrameToSend {
  return {
    id: frame.id,
    ext: (frame.flags & FRAME_FLAG.extended) !== 0,
    rtr: (frame.flags & FRAME_FLAG.remote) !== 0,
    fd_brs: (frame.flags & FRAME_FLAG.bitRateSwitch) !== 0,
    data: Buffer.from(frame.data),
  };
}
