import type { Clock } from "../../agent/core/clock.ts";
import type { Log } from "../../agent/core/log.ts";
import type { BusCounters, BusFacts, BusSink, BusTraffic, CanBus, FrameFilter } from "../../agent/ports/can-bus.ts";
import { type CanFrame, CLASSIC_MAX_DATA_BYTES, FRAME_FLAG } from "../../agent/ports/frame.ts";
import { describeInterface, kernelHasCan, readInterface } from "./can-interface.ts";
import { Delivery } from "./delivery.ts";
import { kernelWithoutCan, notCan } from "./faults.ts";
import { betweenFilters, kernelFilters } from "./filter.ts";
import { FrameCollector } from "./frame-collector.ts";
import { HeldBack, InterfaceCounter, TrafficCounter } from "./interface-counter.ts";
import type { CanBusParts } from "./native-bus.ts";
import {
  loadRawChannels,
  type RawChannel,
  type RawChannels,
  RECEIVE_NOTHING,
  type ReceivedFrame,
} from "./raw-channel.ts";
import { Transmitter } from "./transmitter.ts";

const BATCH_FRAMES = 256;
const LINK_CHECK_MS = 500;
/** Longer than any frame is on its way through the kernel's lists of receivers, which is a part of one soft interrupt. */
const FILTER_SETTLE_MS = 200;
/** How much later than it came a frame may be read at the start. */
const FIRST_STAMPS_AHEAD_US = 1_000_000;

/** `interface` is the name of the kernel, `name` that of the configuration. */
export type SocketcanBusSettings = {
  readonly name: string;
  readonly interface: string;
  /** What to receive at first. */
  readonly filters: readonly FrameFilter[];
};

/**
 * A SocketCAN interface through npm socketcan, for hosts where the receive addon cannot be built. It costs some twenty times
 * the CPU a frame, knows of no loss, has the kernel's default receive buffer, and cannot tell an FD frame of at most 8 bytes
 * from a classic one, nor BRS and ESI.
 */
export function createSocketcanBus(settings: SocketcanBusSettings, parts: CanBusParts): CanBus {
  return new SocketcanBus(settings, parts);
}

class SocketcanBus implements CanBus {
  readonly name: string;
  readonly #settings: SocketcanBusSettings;
  readonly #clock: Clock;
  readonly #log: Log;
  /** Pairs of CAN_RAW_FILTER. */
  #filters: Uint32Array;
  /** When they were changed, monotonic ms; undefined when the socket has no others. */
  #changedMs: number | undefined;
  readonly #transmitter: Transmitter;
  readonly #delivery = new Delivery();
  readonly #frames = new FrameCollector(BATCH_FRAMES, (batch, errorFrames) =>
    this.#delivery.frames(batch, errorFrames),
  );
  #channels: RawChannels | undefined;
  #channel: RawChannel | undefined;
  #endChecks = (): void => undefined;
  #packets: InterfaceCounter | undefined;
  readonly #heldBack = new HeldBack();
  #traffic: TrafficCounter | undefined;
  #lastStampUs = 0;

  constructor(settings: SocketcanBusSettings, parts: CanBusParts) {
    this.name = settings.name;
    this.#settings = settings;
    this.#clock = parts.clock;
    this.#log = parts.log;
    this.#filters = kernelFilters(settings.name, settings.filters, parts.log);
    this.#transmitter = new Transmitter({
      bus: settings.name,
      interface: settings.interface,
      clock: parts.clock,
      isBusOff: () => this.#delivery.isBusOff,
      load: loadRawChannels,
    });
  }

  async start(sink: BusSink): Promise<void> {
    const { interface: interfaceName } = this.#settings;
    this.#channels = await loadRawChannels();
    this.#packets = new InterfaceCounter(interfaceName, "rx_packets");
    this.#traffic = new TrafficCounter(interfaceName);
    if (readInterface(interfaceName) === "not-can") throw notCan(interfaceName);
    const failure = this.#openChannel();
    if (failure !== undefined && !kernelHasCan()) throw kernelWithoutCan(interfaceName, failure);
    const firstState = this.#delivery.open(sink);
    this.#checkLink();
    this.#endChecks = this.#clock.every(LINK_CHECK_MS, () => this.#checkLink());
    await firstState;
  }

  receive(filters: readonly FrameFilter[]): void {
    const before = this.#filters;
    this.#filters = kernelFilters(this.name, filters, this.#log);
    if (this.#channel === undefined) return;
    setFilters(this.#channel, betweenFilters(before, this.#filters));
    this.#changedMs = this.#clock.monotonicMs();
  }

  facts(): BusFacts {
    return { driver: "socketcan", receiveBuffer: undefined, timestamps: "kernel" };
  }

  counters(): BusCounters {
    return this.#delivery.counters(undefined, this.#transmitter.transmitted);
  }

  /** What the interface received and did not come through, lost frames included. */
  filtered(): number {
    return this.#heldBack.count(this.#packets, this.counters());
  }

  traffic(): BusTraffic | undefined {
    return this.#traffic?.count();
  }

  async send(frame: CanFrame): Promise<void> {
    await this.#transmitter.send(frame);
  }

  async stop(): Promise<void> {
    this.#endChecks();
    this.#delivery.close();
    this.#transmitter.close();
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel === undefined) return;
    channel.stop();
    // The descriptor stays open until the object is collected; nothing more must queue up in it.
    channel.setErrorFilters(0);
    channel.setRxFilters(RECEIVE_NOTHING);
    // npm socketcan frees its event loop handles in the next turn and needs the object until then.
    await new Promise((resolve) => setImmediate(resolve, channel));
  }

  #openChannel(): unknown {
    try {
      const channel = this.#channels?.open(this.#settings.interface);
      if (channel !== undefined) setFilters(channel, this.#filters);
      this.#changedMs = undefined;
      channel?.addListener("onMessage", (frame) => this.#onFrame(frame));
      channel?.addListener("onStopped", () => {
        if (this.#channel === channel) this.#channel = undefined;
      });
      channel?.start();
      this.#channel = channel;
      return undefined;
    } catch (cause) {
      return cause;
    }
  }

  #settleFilters(): void {
    if (this.#channel === undefined || this.#changedMs === undefined) return;
    if (this.#clock.monotonicMs() - this.#changedMs < FILTER_SETTLE_MS) return;
    setFilters(this.#channel, this.#filters);
    this.#changedMs = undefined;
  }

  /** npm socketcan tells neither that the interface went down nor that it is back, so the kernel is asked. */
  #checkLink(): void {
    this.#settleFilters();
    const link = readInterface(this.#settings.interface);
    const detail = describeInterface(this.#settings.interface, link);
    if (link === undefined || link === "not-can") {
      this.#delivery.link("absent", detail);
      return;
    }
    if (this.#channel === undefined && this.#openChannel() !== undefined) {
      this.#delivery.link("absent", `${this.#settings.interface} could not be opened`);
      return;
    }
    this.#delivery.link(link.up ? "up" : "down", detail);
  }

  #onFrame(frame: ReceivedFrame): void {
    if (!this.#delivery.isOpen) return;
    const stampUs = this.#stampOf(frame);
    let flags = 0;
    if (frame.ext === true) flags |= FRAME_FLAG.extended;
    if (frame.rtr === true) flags |= FRAME_FLAG.remote;
    if (frame.data.length > CLASSIC_MAX_DATA_BYTES) flags |= FRAME_FLAG.fd;
    if (frame.err === true) flags = FRAME_FLAG.error;
    this.#frames.push(frame.id, flags, frame.data, stampUs);
  }

  /**
   * The kernel begins to stamp frames when it is first asked for a stamp (SIOCGSTAMP, socket(7)): frames that came before carry the
   * time they were read, which is later than the true stamps of those behind them. A larger step is one of the wall clock.
   */
  #stampOf({ ts_sec: seconds, ts_usec: micros = 0 }: ReceivedFrame): number {
    const stampUs = seconds === undefined ? this.#clock.wallUs() : seconds * 1e6 + micros;
    const isReadTimeAhead = stampUs < this.#lastStampUs && this.#lastStampUs - stampUs < FIRST_STAMPS_AHEAD_US;
    if (!isReadTimeAhead) this.#lastStampUs = stampUs;
    return this.#lastStampUs;
  }
}

function setFilters(channel: RawChannel, pairs: Uint32Array): void {
  const list = Array.from({ length: pairs.length / 2 }, (_, index) => ({
    id: pairs[index * 2],
    mask: pairs[index * 2 + 1],
  }));
  channel.setRxFilters(list.length > 0 ? list : RECEIVE_NOTHING);
}
