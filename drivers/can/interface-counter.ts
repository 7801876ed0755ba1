import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BusCounters, BusTraffic } from "../../agent/ports/can-bus.ts";
import { NET_FOLDER } from "./can-interface.ts";

/**
 * A counter that the kernel keeps of an interface (Linux, Documentation/networking/statistics.rst).
 *
 * `rx_dropped`: frames lost between the interface and its sockets, which no socket is told of: the queue of received packets is full
 * (net.core.netdev_max_backlog), or the interface's driver has no memory for them. Frames that the filters would have held back are
 * among them. `rx_packets`: frames received, whatever the filters; since Linux 5.17 without error frames. `rx_bytes`, `tx_bytes`: of their data alone.
 */
export class InterfaceCounter {
  readonly #file: string;
  #counter: number;
  #total = 0;

  /** Begins at 0, whatever was counted before. */
  constructor(
    interfaceName: string,
    statistic: "rx_dropped" | `${"rx" | "tx"}_${"packets" | "bytes"}`,
    netFolder = NET_FOLDER,
  ) {
    this.#file = join(netFolder, interfaceName, "statistics", statistic);
    this.#counter = this.#read();
  }

  /** Frames up to now, over deletions of the interface too. */
  count(): number {
    const counter = this.#read();
    // A smaller one is that of another interface under the same name.
    this.#total += counter >= this.#counter ? counter - this.#counter : counter;
    this.#counter = counter;
    return this.#total;
  }

  #read(): number {
    try {
      return Number(readFileSync(this.#file, "utf8"));
    } catch {
      // There is no such interface now; the next one begins at 0.
      return 0;
    }
  }
}

/** Counts of what is on the bus of an interface. */
export class TrafficCounter {
  readonly #frames: readonly InterfaceCounter[];
  readonly #bytes: readonly InterfaceCounter[];

  /** Begins at 0. */
  constructor(interfaceName: string, netFolder = NET_FOLDER) {
    // A virtual one counts what it sends as received, too.
    const isVirtual = !existsSync(join(netFolder, interfaceName, "device"));
    const ways = isVirtual ? (["rx"] as const) : (["rx", "tx"] as const);
    this.#frames = ways.map((way) => new InterfaceCounter(interfaceName, `${way}_packets`, netFolder));
    this.#bytes = ways.map((way) => new InterfaceCounter(interfaceName, `${way}_bytes`, netFolder));
  }

  /** Up to now, over deletions of the interface too. */
  count(): BusTraffic {
    return { frames: sumOf(this.#frames), bytes: sumOf(this.#bytes) };
  }
}

function sumOf(counters: readonly InterfaceCounter[]): number {
  return counters.reduce((sum, counter) => sum + counter.count(), 0);
}

/** Frames that the interface received and that did not come through: held back by filters, and those that wait or are lost where a driver does not count them. */
export class HeldBack {
  #most = 0;

  /** The most up to now: frames that waited at one look and came through by the next do not make it sink. */
  count(packets: InterfaceCounter | undefined, counters: BusCounters): number {
    const { received, dropped = 0, errorFrames } = counters;
    this.#most = Math.max(this.#most, (packets?.count() ?? 0) - received - errorFrames - dropped);
    return this.#most;
  }
}
