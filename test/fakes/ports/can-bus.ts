import { AgentError } from "../../../agent/core/errors.ts";
import {
  type BusCounters,
  type BusFacts,
  type BusSink,
  type BusState,
  type CanBus,
  EVERY_FRAME,
  type FrameFilter,
} from "../../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG, FrameBatch } from "../../../agent/ports/frame.ts";
import { BusStateTracker } from "../../../drivers/can/error-state.ts";
import { busOff } from "../../../drivers/can/faults.ts";
import { ReceiveFilter } from "../../../drivers/can/filter.ts";

/** A bus that exists only in the test: what it receives, its state and its faults are set from outside. */
export class FakeCanBus implements CanBus {
  readonly name: string;
  /** Frames that were sent, in order. */
  readonly sent: CanFrame[] = [];
  /** `start` and `send` reject with these when set. */
  startFault: AgentError | undefined;
  sendFault: AgentError | undefined;
  /** State that `start` reports first. */
  firstState: "up" | "down" | "absent" = "up";
  /** What `receive` was called with, in order. */
  readonly filterLists: (readonly FrameFilter[])[] = [];
  readonly #filter = new ReceiveFilter(EVERY_FRAME);
  readonly #batch = new FrameBatch(64);
  #sink: BusSink | undefined;
  #state: BusStateTracker | undefined;
  #received = 0;
  #errorFrames = 0;
  #dropped = 0;

  constructor(name = "can0") {
    this.name = name;
  }

  async start(sink: BusSink): Promise<void> {
    if (this.startFault !== undefined) throw this.startFault;
    this.#sink = sink;
    this.#state = new BusStateTracker((state, detail) => sink.onState(state, detail));
    this.#state.link(this.firstState, "fake");
  }

  receive(filters: readonly FrameFilter[]): void {
    this.filterLists.push(filters);
    this.#filter.use(filters);
  }

  facts(): BusFacts {
    return { driver: "replay", receiveBuffer: undefined, timestamps: "process" };
  }

  counters(): BusCounters {
    return {
      received: this.#received,
      dropped: this.#dropped,
      errorFrames: this.#errorFrames,
      transmitted: this.sent.length,
    };
  }

  filtered(): number {
    return this.#filter.heldBack;
  }

  traffic(): undefined {
    return undefined;
  }

  async send(frame: CanFrame): Promise<void> {
    if (this.sendFault !== undefined) throw this.sendFault;
    if (this.#sink === undefined) {
      throw new AgentError("bus.transmit-failed", { what: `${this.name} is not started`, remedy: "start it" });
    }
    if (this.#state?.isBusOff === true) throw busOff(this.name);
    this.sent.push({ ...frame, data: frame.data.slice() });
  }

  async stop(): Promise<void> {
    this.#sink = undefined;
  }

  /** Frames arrive, in batches of at most 64 that share one buffer. Nothing happens while the bus is not started. */
  deliver(frames: readonly CanFrame[]): void {
    if (this.#sink === undefined) return;
    for (const frame of frames) {
      if (!this.#filter.accepts(frame.id, frame.flags)) continue;
      if (this.#batch.count === this.#batch.capacity) this.#flush();
      this.#batch.push(frame.id, frame.flags, frame.data, frame.receivedAtUs);
      if ((frame.flags & FRAME_FLAG.error) === 0) this.#received += 1;
      else this.#errorFrames += 1;
    }
    this.#flush();
  }

  setState(state: BusState, detail = "fake"): void {
    this.#sink?.onState(state, detail);
  }

  /** As if the kernel had lost frames. */
  drop(frames: number): void {
    this.#dropped += frames;
  }

  #flush(): void {
    this.#sink?.onFrames(this.#batch);
    if (this.#sink !== undefined) this.#state?.frames(this.#batch, 1);
    this.#batch.count = 0;
  }
}
