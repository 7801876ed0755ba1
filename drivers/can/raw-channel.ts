import { addonMissing } from "./faults.ts";

/** A frame as npm socketcan delivers it. `id` is without flag bits. */
export type ReceivedFrame = {
  readonly id: number;
  readonly ext?: boolean;
  readonly rtr?: boolean;
  readonly err?: boolean;
  readonly data: Uint8Array;
  /** Kernel receive time; absent on the first frame of a socket. */
  readonly ts_sec?: number;
  readonly ts_usec?: number;
};

/** A frame as npm socketcan takes it. */
export type FrameToSend = {
  readonly id: number;
  readonly ext: boolean;
  readonly rtr: boolean;
  readonly fd_brs?: boolean;
  readonly data: Buffer;
};

/**
 * One raw socket of npm socketcan, without what its own types leave open. There is no close: the package closes the
 * descriptor when the object is collected, so drop every reference.
 */
export type RawChannel = {
  addListener(event: "onMessage", listener: (frame: ReceivedFrame) => void): void;
  addListener(event: "onStopped", listener: () => void): void;
  start(): void;
  /** Calls the onStopped listeners before it returns. Throws when the channel was not started or has stopped. */
  stop(): void;
  /** Bytes the kernel took, or -1. */
  send(frame: FrameToSend): number;
  sendFD(frame: FrameToSend): number;
  setRxFilters(filters: readonly { readonly id: number; readonly mask: number }[]): void;
  setErrorFilters(mask: number): void;
};

/** Opens channels; throws when the kernel refuses (npm socketcan does not say why). */
export type RawChannels = {
  open(interfaceName: string): RawChannel;
};

/** No frame has an 11-bit id with bit 11 set: with this filter nothing is received (an empty list changes nothing in npm socketcan). */
export const RECEIVE_NOTHING = [{ id: 0x800, mask: 0x8000_0fff }] as const;

function isRawChannel(value: unknown): value is RawChannel {
  if (typeof value !== "object" || value === null) return false;
  return ["addListener", "start", "stop", "send", "sendFD", "setRxFilters", "setErrorFilters"].every(
    (name) => name in value,
  );
}

/** Loads npm socketcan. Throws `bus.unsupported` when its addon was not built. */
export async function loadRawChannels(): Promise<RawChannels> {
  try {
    const { createRawChannelWithOptions } = await import("socketcan");
    return {
      open: (interfaceName) => {
        const channel: unknown = createRawChannelWithOptions(interfaceName, { timestamps: true, non_block_send: true });
        if (!isRawChannel(channel)) throw new TypeError("npm socketcan gave no channel");
        return channel;
      },
    };
  } catch (cause) {
    throw addonMissing("the addon of npm socketcan", "run npm rebuild socketcan", cause);
  }
}
