import { type CanBus, EVERY_FRAME } from "../../../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../../../agent/ports/frame.ts";

/** What a control unit has of a bus. Frames are objects with data of their own. */
export interface EcuBus {
  /** Resolves when the bus has taken it, or lost it: a unit does not learn more. */
  send(frame: CanFrame): Promise<void>;
  /** Data frames that others sent (on a kernel interface those of this node too), until the returned function is called. */
  listen(take: (frame: CanFrame) => void): () => void;
}

/** One connection to a bus of the project's drivers, which several units of one process may share: they do not hear each other through a hub. */
export class CanEcuBus implements EcuBus {
  readonly #bus: CanBus;
  readonly #listeners = new Set<(frame: CanFrame) => void>();

  private constructor(bus: CanBus) {
    this.#bus = bus;
  }

  static async start(bus: CanBus): Promise<CanEcuBus> {
    const node = new CanEcuBus(bus);
    bus.receive(EVERY_FRAME);
    await bus.start({
      onFrames: (batch) => {
        for (let at = 0; at < batch.count; at += 1) {
          if ((batch.flags(at) & (FRAME_FLAG.error | FRAME_FLAG.remote)) === 0) node.#hand(batch.frame(at));
        }
      },
      onState: () => undefined,
    });
    return node;
  }

  async send(frame: CanFrame): Promise<void> {
    // A bus that is not there, or off, loses what is sent: the other side has time-outs.
    await this.#bus.send(frame).catch(() => undefined);
  }

  listen(take: (frame: CanFrame) => void): () => void {
    this.#listeners.add(take);
    return () => this.#listeners.delete(take);
  }

  async stop(): Promise<void> {
    await this.#bus.stop();
  }

  #hand(frame: CanFrame): void {
    for (const take of this.#listeners) take(frame);
  }
}

/** A bus in memory: a frame of one node reaches all the others, in order, with the time that `wallUs` gives. */
export class Wire {
  readonly #nodes: { readonly listeners: Set<(frame: CanFrame) => void> }[] = [];
  readonly #queue: { readonly frame: CanFrame; readonly from: unknown }[] = [];
  readonly #wallUs: () => number;
  #isHanding = false;
  /** Every frame that was on it, in order. */
  readonly log: CanFrame[] = [];

  constructor(wallUs: () => number) {
    this.#wallUs = wallUs;
  }

  node(): EcuBus {
    const own = { listeners: new Set<(frame: CanFrame) => void>() };
    this.#nodes.push(own);
    return {
      send: async (frame) => this.#put(frame, own),
      listen: (take) => {
        own.listeners.add(take);
        return () => own.listeners.delete(take);
      },
    };
  }

  #put(frame: CanFrame, from: unknown): void {
    const sent = { ...frame, data: frame.data.slice(), receivedAtUs: this.#wallUs() };
    this.log.push(sent);
    this.#queue.push({ frame: sent, from });
    if (this.#isHanding) return;
    this.#isHanding = true;
    // A node that answers at once is not called while another is still being told.
    queueMicrotask(() => this.#handAll());
  }

  #handAll(): void {
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      for (const node of this.#nodes) {
        if (node === next.from) continue;
        for (const take of node.listeners) take({ ...next.frame, data: next.frame.data.slice() });
      }
    }
    this.#isHanding = false;
  }
}
