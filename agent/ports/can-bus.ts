import type { CanFrame, FrameBatch } from "./frame.ts";

/** "up": receiving; "down": the interface exists but is down; "absent": there is no such interface or no way to it now; the last two are read from error frames. */
export type BusState = "up" | "down" | "absent" | "error-passive" | "bus-off";

/** What one receive filter lets through: frames with (id & mask) === (this.id & mask) and the same id length. */
export type FrameFilter = { readonly id: number; readonly mask: number; readonly extended: boolean };

/** The filters that let every frame through. An empty list lets none through but error frames. */
export const EVERY_FRAME: readonly FrameFilter[] = [
  { id: 0, mask: 0, extended: false },
  { id: 0, mask: 0, extended: true },
];

/** What brings an interface of this host up: the verb keeps the bit rate that it had, and says what to give where it has none. */
export function upWith(interfaceName: string): string {
  return `bring it up as root: causeway bus up ${interfaceName}`;
}

/** Counts since `start`. */
export type BusCounters = {
  /** Data frames handed to `onFrames`. */
  readonly received: number;
  /** Frames lost before `onFrames`: the kernel's own counter (SO_RXQ_OVFL) plus the driver's full ring. Exact, never guessed; undefined where the driver cannot know. */
  readonly dropped: number | undefined;
  readonly errorFrames: number;
  readonly transmitted: number;
  /** Where those of `dropped` were lost; absent where the driver cannot tell them apart. */
  readonly losses?: BusLosses | undefined;
};

/**
 * Frames lost on the way, since start. "interface": in the interface's driver or the queue of received packets; "socket": as the socket's
 * buffer was full; "ring": as ours was.
 */
export type BusLosses = Readonly<Record<"interface" | "socket" | "ring", number>>;

/** Frames that were on the bus since `start` and the bytes of their data, whatever the filters, ours among them. */
export type BusTraffic = { readonly frames: number; readonly bytes: number };

/** Facts about an open bus. */
export type BusFacts = {
  readonly driver: "native" | "socketcan" | "socketcand" | "replay";
  /** SO_RCVBUF asked for and got, bytes (the kernel doubles what it grants, socket(7)); undefined where there is no socket buffer. */
  readonly receiveBuffer: { readonly askedBytes: number; readonly gotBytes: number } | undefined;
  /** Where `receivedAtUs` comes from. */
  readonly timestamps: "kernel" | "remote" | "log" | "process";
};

/** Callbacks of a bus. Both run on the main thread, never re-entrantly. What they throw is a bug: no driver catches it, and the process ends. */
export type BusSink = {
  /** The batch and its buffer are reused as soon as this returns. Frames of one bus arrive in receive order. */
  onFrames(batch: FrameBatch): void;
  /** Called at every change, and once with the first state. `detail` is for people. */
  onState(state: BusState, detail: string): void;
};

/**
 * One CAN bus.
 *
 * `start` resolves once listening, or once the bus is known to be down or absent (the driver goes on trying by itself and says so
 * through `onState`); it rejects only for a fault that no waiting mends (`bus.not-permitted`, `bus.unsupported`).
 * After `stop` resolves, no callback comes. Error frames are delivered in batches too (flag `error`).
 */
export interface CanBus {
  readonly name: string;
  start(sink: BusSink): Promise<void>;
  /**
   * From now on the frames that one of `filters` lets through are delivered; error frames always are. The bus is made with its first
   * filters; this may be called before `start` and at any time after it, also from a callback.
   *
   * A frame that both the old and the new filters let through comes exactly once, or is in `dropped`: a change loses nothing. For a
   * moment after it (at most a second) frames come that only the old filters, or none of them, let through; where a driver cannot take
   * so many filters they come always, as may remote frames. Whoever receives a frame must bear that nobody wants it.
   */
  receive(filters: readonly FrameFilter[]): void;
  facts(): BusFacts;
  counters(): BusCounters;
  /** Frames that were on the bus since `start` and that the filters held back; undefined where the driver cannot know. Never sinks. Not for the frame path: it may ask the kernel. */
  filtered(): number | undefined;
  /** What was on the bus; undefined where the driver cannot know. Not for the frame path: it asks the kernel. */
  traffic(): BusTraffic | undefined;
  /**
   * Hands one frame to the bus (its `receivedAtUs` is ignored). Waits, bounded, for queue space; a frame whose call has rejected is
   * not sent later. Rejects with `bus.transmit-failed`, at once while the controller is bus-off, or with `bus.unsupported` where the
   * driver cannot transmit.
   */
  send(frame: CanFrame): Promise<void>;
  stop(): Promise<void>;
}
