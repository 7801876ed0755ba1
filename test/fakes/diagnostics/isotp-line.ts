import type { AgentError } from "../../../agent/core/errors.ts";
import type { FrameTap } from "../../../agent/diagnostics/tester/frame-tap.ts";
import { idKey, largestId } from "../../../agent/ports/arbitration-id.ts";
import type { FrameFilter } from "../../../agent/ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../../agent/ports/frame.ts";
import type { IsoTpSink } from "../../../agent/ports/isotp.ts";

type Taker = {
  readonly end: LineEnd;
  readonly filters: readonly FrameFilter[];
  readonly take: (frame: CanFrame) => void;
};

/** One end of a line: what it sends, all other ends get. */
export type LineEnd = { readonly tap: FrameTap; send(frame: CanFrame): Promise<void> };

/** A bus that exists only in the test: a frame reaches the other ends before the next turn of the event loop, in order. */
export class IsoTpLine {
  /** All that was sent, as "id#data" in hexadecimal. */
  readonly log: string[] = [];
  /** What a `send` waits for, when set: a bus that does not take frames. */
  held: Promise<void> | undefined;
  /** Frames that this says no to get lost. */
  loses: (frame: CanFrame, sent: number) => boolean = () => false;
  /** Receive time of frames, µs. */
  now: () => number = () => 0;
  readonly #takers = new Set<Taker>();

  end(): LineEnd {
    const end: LineEnd = {
      tap: {
        on: (filters, take) => {
          const taker = { end, filters, take };
          this.#takers.add(taker);
          return () => this.#takers.delete(taker);
        },
      },
      send: async (frame) => {
        if (this.held !== undefined) await this.held;
        this.put(frame, end);
      },
    };
    return end;
  }

  /** A frame that somebody sends who is not here. */
  put(frame: CanFrame, from?: LineEnd): void {
    this.log.push(`${frame.id.toString(16)}#${Buffer.from(frame.data).toString("hex")}`);
    if (this.loses(frame, this.log.length)) return;
    const seen = { ...frame, data: frame.data.slice(), receivedAtUs: this.now() };
    for (const taker of this.#takers) {
      if (taker.end !== from && taker.filters.some((filter) => letsThrough(filter, frame))) taker.take(seen);
    }
  }
}

function letsThrough({ id, mask, extended }: FrameFilter, frame: CanFrame): boolean {
  const isExtended = (frame.flags & FRAME_FLAG.extended) !== 0;
  const whole = mask & largestId(extended);
  return isExtended === extended && idKey(frame.id & whole, extended) === idKey(id & whole, extended);
}

/** A sink that keeps what comes: PDUs in hexadecimal, faults by their code without "isotp.". */
export class IsoTpRecorder implements IsoTpSink {
  readonly events: string[] = [];
  readonly times: number[] = [];
  readonly faults: AgentError[] = [];

  onPdu(pdu: Uint8Array, receivedAtUs: number): void {
    this.events.push(Buffer.from(pdu).toString("hex"));
    this.times.push(receivedAtUs);
  }

  onFault(fault: AgentError): void {
    this.events.push(fault.code.replace("isotp.", ""));
    this.faults.push(fault);
  }
}
