import type { Clock } from "../../agent/core/clock.ts";
import { AgentError, errnoOf, messageOf } from "../../agent/core/errors.ts";
import type { Log } from "../../agent/core/log.ts";
import type {
  BusCounters,
  BusFacts,
  BusLosses,
  BusSink,
  BusTraffic,
  CanBus,
  FrameFilter,
} from "../../agent/ports/can-bus.ts";
import { type CanFrame, FrameBatch } from "../../agent/ports/frame.ts";
import { describeInterface, readInterface } from "./can-interface.ts";
import { Delivery } from "./delivery.ts";
import { kernelWithoutCan, notCan, notPermitted } from "./faults.ts";
import { betweenFilters, kernelFilters } from "./filter.ts";
import { HeldBack, InterfaceCounter, TrafficCounter } from "./interface-counter.ts";
import { loadNativeAddon, NATIVE_INTERFACE, type NativeAddon } from "./native-addon.ts";
import { loadRawChannels } from "./raw-channel.ts";
import { Transmitter } from "./transmitter.ts";

/** Frames handed over at once: 80 KB, which stays in the cache of a small core. */
const BATCH_FRAMES = 1024;

/** `interface` is the name of the kernel, `name` that of the configuration. */
export type NativeBusSettings = {
  readonly name: string;
  readonly interface: string;
  /** SO_RCVBUF to ask the kernel for, bytes. */
  readonly receiveBufferBytes: number;
  /** Frames held while the main thread is busy; 80 bytes each. */
  readonly ringFrames: number;
  /** What to receive at first. */
  readonly filters: readonly FrameFilter[];
};

/**
 * Time for transmit retries, and the log. `gatherMs`: frames may wait so long for others before they are handed over, ms, since that costs as
 * much as some hundred frames; absent or 0 where somebody waits for one.
 */
export type CanBusParts = { readonly clock: Clock; readonly log: Log; readonly gatherMs?: number };

/**
 * A SocketCAN interface through the receive addon: kernel receive times, exact loss count, no JavaScript a frame.
 *
 * Frames that other sockets of this host send on the interface are received too, this bus's own `send` included.
 */
export function createNativeBus(settings: NativeBusSettings, parts: CanBusParts): CanBus {
  return new NativeBus(settings, parts);
}

type OpenBus = {
  readonly addon: NativeAddon;
  readonly slot: number;
  readonly drops: InterfaceCounter;
  readonly packets: InterfaceCounter;
  readonly traffic: TrafficCounter;
};

class NativeBus implements CanBus {
  readonly name: string;
  readonly #settings: NativeBusSettings;
  readonly #log: Log;
  readonly #gatherMs: number;
  readonly #transmitter: Transmitter;
  readonly #delivery = new Delivery();
  readonly #batch = new FrameBatch(BATCH_FRAMES);
  readonly #result = new Uint32Array(4);
  /** Pairs of CAN_RAW_FILTER. */
  #filters: Uint32Array;
  #open: OpenBus | undefined;
  readonly #heldBack = new HeldBack();
  #dropped = 0;
  #losses: BusLosses = { interface: 0, socket: 0, ring: 0 };
  #receiveBuffer: BusFacts["receiveBuffer"];

  constructor(settings: NativeBusSettings, parts: CanBusParts) {
    this.name = settings.name;
    this.#settings = settings;
    this.#log = parts.log;
    this.#gatherMs = parts.gatherMs ?? 0;
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
    const { interface: interfaceName, receiveBufferBytes, ringFrames } = this.#settings;
    const addon = loadNativeAddon();
    const onNews = (frames: number, errorFrames: number, link: number, clockOffsetUs: number): void => {
      this.#batch.count = frames;
      this.#batch.clockOffsetUs = clockOffsetUs;
      this.#delivery.frames(this.#batch, errorFrames);
      const linkState = NATIVE_INTERFACE[link];
      if (linkState !== undefined) this.#delivery.link(linkState, describeState(interfaceName, linkState));
    };
    const drops = new InterfaceCounter(interfaceName, "rx_dropped");
    const packets = new InterfaceCounter(interfaceName, "rx_packets");
    const traffic = new TrafficCounter(interfaceName);
    const slot = openSlot(interfaceName, () =>
      addon.open(
        interfaceName,
        receiveBufferBytes,
        ringFrames,
        this.#gatherMs,
        this.#filters,
        this.#batch.bytes,
        onNews,
      ),
    );
    this.#open = { addon, slot, drops, packets, traffic };
    await this.#delivery.open(sink);
  }

  receive(filters: readonly FrameFilter[]): void {
    const before = this.#filters;
    this.#filters = kernelFilters(this.name, filters, this.#log);
    this.#open?.addon.receive(this.#open.slot, betweenFilters(before, this.#filters), this.#filters);
  }

  facts(): BusFacts {
    this.#readReceiveBuffer();
    return { driver: "native", receiveBuffer: this.#receiveBuffer, timestamps: "kernel" };
  }

  counters(): BusCounters {
    this.#countDropped();
    const counters = this.#delivery.counters(this.#dropped, this.#transmitter.transmitted);
    return { ...counters, losses: this.#losses };
  }

  /** What the interface received and did not come through, frames that wait in the ring included. */
  filtered(): number {
    return this.#heldBack.count(this.#open?.packets, this.counters());
  }

  traffic(): BusTraffic | undefined {
    return this.#open?.traffic.count();
  }

  async send(frame: CanFrame): Promise<void> {
    await this.#transmitter.send(frame);
  }

  async stop(): Promise<void> {
    const open = this.#open;
    if (open === undefined) return;
    this.#countDropped();
    this.#open = undefined;
    open.addon.close(open.slot);
    this.#delivery.close();
    this.#transmitter.close();
  }

  #countDropped(): void {
    const open = this.#open;
    if (open === undefined) return;
    const below = open.drops.count();
    const above = open.addon.dropped(open.slot);
    open.addon.facts(open.slot, this.#result);
    const ring = this.#result[2] + this.#result[3] * 2 ** 32;
    // The ring may lose more between the two reads: a count never sinks for that.
    this.#losses = { interface: below, socket: Math.max(this.#losses.socket, above - ring), ring };
    this.#dropped = below + above;
  }

  #readReceiveBuffer(): void {
    const open = this.#open;
    if (open === undefined) return;
    open.addon.facts(open.slot, this.#result);
    this.#receiveBuffer = { askedBytes: this.#result[0], gotBytes: this.#result[1] };
  }
}

/** The interface may have changed again since the addon saw `link`; the sentence must fit what is reported. */
function describeState(interfaceName: string, link: (typeof NATIVE_INTERFACE)[number]): string {
  const now = readInterface(interfaceName);
  switch (link) {
    case "up":
      return describeInterface(interfaceName, now);
    case "down":
      return `interface ${interfaceName} is down`;
    case "absent":
      return now === "not-can" ? describeInterface(interfaceName, now) : `there is no interface ${interfaceName}`;
  }
}

function openSlot(interfaceName: string, open: () => number): number {
  try {
    return open();
  } catch (cause) {
    switch (errnoOf(cause)) {
      case "EAFNOSUPPORT":
      case "EPROTONOSUPPORT":
        throw kernelWithoutCan(interfaceName, cause);
      case "ENOTSUP":
        throw notCan(interfaceName, cause);
      case "EPERM":
      case "EACCES":
        throw notPermitted(interfaceName, cause);
      default:
        throw new AgentError("bus.unavailable", {
          what: `${interfaceName}: could not open a CAN socket: ${messageOf(cause)}`,
          remedy: "see the limits of the service for memory and open files",
          cause,
        });
    }
  }
}
