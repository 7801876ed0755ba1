import { readFileSync } from "node:fs";
import { join } from "node:path";
import { NET_FOLDER } from "./link.ts";

/**
 * Counts the frames that the kernel loses between an interface and its sockets, which no socket is told of: its queue of received
 * packets is full (net.core.netdev_max_backlog), or the interface's driver has no memory for them. Frames that the filters would have
 * held back are among them.
 *
 * Source: rx_dropped of the interface (Linux, Documentation/networking/statistics.rst).
 */
export class InterfaceDrops {
  readonly #file: string;
  #counter: number;
  #total = 0;

  /** Begins at 0, whatever was lost before. */
  constructor(interfaceName: string, netFolder = NET_FOLDER) {
    this.#file = join(netFolder, interfaceName, "statistics/rx_dropped");
    this.#counter = this.#read();
  }

  /** Frames lost up to now, over deletions of the interface too. */
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
