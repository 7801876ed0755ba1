import { createRequire } from "node:module";
import { addonMissing } from "./faults.ts";

/** Where `npm run build:native` leaves the receive addon. */
export const ADDON_FILE = "./native/build/Release/can_receive.node";

/** Link states as the addon numbers them (enum link_state, native/can-socket.h). */
export const NATIVE_INTERFACE = ["up", "down", "absent"] as const;

/** What the addon tells of an ISO-TP channel, as it numbers it (enum news, native/isotp-addon.c). */
export const NATIVE_ISOTP_NEWS = ["pdu", "error", "sent"] as const;

/**
 * The receive addon (native/addon.c). A bus is named by the slot that `open` returned; all throw an Error whose `code` is an
 * errno name.
 */
export type NativeAddon = {
  /**
   * Opens a bus and begins to receive. With a `gatherMs` of 0 frames are handed over at once when they begin to come and when they cease, and
   * each 40 ms meanwhile; otherwise each `gatherMs` at most, of the bus that has the least. `filters` are pairs (can_id, can_mask), none for nothing. `batch` is the memory of a `FrameBatch`, which
   * the addon fills before each `onNews(frames, errorFrames, link, clockOffsetUs)`, on the main thread: so many frames are in it, so many of
   * them error frames, and then the link changed to that index of `NATIVE_INTERFACE` (-1: it did not). The first news is the first
   * link state alone. `clockOffsetUs` is that of a `FrameBatch`.
   */
  open(
    interfaceName: string,
    receiveBufferBytes: number,
    ringFrames: number,
    gatherMs: number,
    filters: Uint32Array,
    batch: Uint8Array,
    onNews: (frames: number, errorFrames: number, link: number, clockOffsetUs: number) => void,
  ): number;
  /**
   * Changes the filters: the socket has those of `between` when this returns, and those of `after` some 200 ms later, as has every socket
   * that is opened from now on.
   */
  receive(slot: number, between: Uint32Array, after: Uint32Array): void;
  /** Frames lost since `open`, in the kernel's queue and in the ring. */
  dropped(slot: number): number;
  /** SO_RCVBUF asked for (result[0]) and got (result[1]), bytes; frames lost in the ring since `open`, low and high word (result[2], result[3]). */
  facts(slot: number, result: Uint32Array): void;
  /** Ends receiving; `onNews` is not called again. The reader thread ends with the last bus. */
  close(slot: number): void;
  /** The largest error that the wall clock may have, µs (adjtimex(2), maxerror: 16 s while nobody disciplines it); -1 when the kernel does not say. */
  clockErrorUs(): number;
  /** How long the machine was suspended since its boot, µs, to a few of them (CLOCK_BOOTTIME less CLOCK_MONOTONIC); NaN where the machine was too busy to read both at once. */
  suspendedUs(): number;
  /** Lets go of pages of files that nobody has written to, and of what malloc holds free; bytes of files, -1 when the kernel does not show the mappings. */
  releaseCleanPages(): number;
  /** Sets TCP_NODELAY on sockets of this process whose peer has this port (native/no-delay.h): how many had it not, -1 when the kernel does not show the descriptors. Throws an Error whose `code` is EINVAL. */
  setNoDelay(port: number): number;
  /** Why the kernel has no ISO-TP sockets, as an errno name; undefined when it has them. */
  isotpMissing(): string | undefined;
  /**
   * Opens a CAN_ISOTP socket and gives its slot. `options` are twelve words: can_id sent and received, flags of CAN_ISOTP_OPTS, address byte
   * sent and expected, padding, MTU, TX_DL, tx_flags, block size, STmin, and the longest PDU in bytes.
   *
   * `onNews(kind, value, pdu)`, kinds by `NATIVE_ISOTP_NEWS`: a PDU in memory of its own with its receive time (µs since the Unix epoch); an
   * error of the socket, as an errno name (ENOBUFS: a PDU was longer than `options` say); the end of a send, undefined or an errno name. Errors of
   * both directions come in both ways, since the socket has one error for all.
   */
  isotpOpen(
    interfaceName: string,
    options: Uint32Array,
    onNews: (kind: number, value: number | string | undefined, pdu: Uint8Array | undefined) => void,
  ): number;
  /** Copies a PDU to be sent; the one before must have ended. */
  isotpSend(slot: number, pdu: Uint8Array): void;
  /** Ends the channel without waiting, and what it sends soon; `onNews` is not called again. */
  isotpClose(slot: number): void;
};

const FUNCTIONS = [
  "open",
  "receive",
  "dropped",
  "facts",
  "close",
  "clockErrorUs",
  "suspendedUs",
  "releaseCleanPages",
  "setNoDelay",
  "isotpMissing",
  "isotpOpen",
  "isotpSend",
  "isotpClose",
] as const;

function isNativeAddon(loaded: unknown): loaded is NativeAddon {
  if (typeof loaded !== "object" || loaded === null) return false;
  const functions = new Map<string, unknown>(Object.entries(loaded));
  return FUNCTIONS.every((name) => typeof functions.get(name) === "function");
}

/** Loads the receive addon. Throws `bus.unsupported` when it was not built. */
export function loadNativeAddon(file = ADDON_FILE): NativeAddon {
  const remedy = "build it with npm run build:native, or use driver: socketcan";
  let loaded: unknown;
  try {
    loaded = createRequire(import.meta.url)(file);
  } catch (cause) {
    throw addonMissing("the receive addon can_receive.node", remedy, cause);
  }
  if (!isNativeAddon(loaded)) throw addonMissing("the receive addon can_receive.node", remedy, undefined);
  return loaded;
}

/** The addon for what is only better with it; undefined where it was not built: a bus that needs it says what is wrong. */
export function addonIfBuilt(load: () => NativeAddon = loadNativeAddon): NativeAddon | undefined {
  try {
    return load();
  } catch {
    return undefined;
  }
}
