import type { Clock } from "../../core/clock.ts";
import type { CanFrame } from "../../ports/frame.ts";
import { destinationOf, pgnOf, sourceOf } from "../../signals/pgn.ts";
import { TP_MAX_BYTES, TP_MIN_BYTES } from "../../signals/transport/j1939-transport.ts";
import type { SentFrame } from "../tester/tester-bus.ts";
import { frameOf, GROUP, PRIORITY } from "./groups.ts";
import {
  ABORT,
  abortBytes,
  clearToSendBytes,
  endOfMessageBytes,
  parseControl,
  type TransferControl,
} from "./transfer-control.ts";

/** How transfers to this node are steered. */
export type ReceivedTransferParts = {
  /** Our address; undefined while there is none. */
  readonly own: () => number | undefined;
  /** Puts flow control onto the bus, for a conversation that was let out. */
  readonly send: (frame: CanFrame) => Promise<SentFrame>;
  readonly clock: Clock;
  readonly ended: AbortSignal;
};

/** Counts since start. */
export type ReceivedTransferCounts = {
  readonly open: number;
  readonly finished: number;
  /** Packets that were asked for again. */
  readonly repeated: number;
  /** Given up: the sender fell silent or aborted, our flow control was withheld, or there were too many at once. */
  readonly failed: number;
};

type Transfer = {
  readonly source: number;
  readonly destination: number;
  readonly rts: Extract<TransferControl, { readonly kind: "request-to-send" }>;
  readonly missing: Set<number>;
  /** The last packet that was asked for. */
  asked: number;
  tries: number;
  deadlineMs: number;
  readonly over: AbortController;
};

/** Transfers at once; each more is told that there is no room. */
const MOST_TRANSFERS = 16;
/** Times in which the sender must go on: between two packets, and after packets were asked for (SAE J1939-21, 5.10.2.4: T1, T2). */
const PACKET_MS = 750;
const CLEAR_TO_SEND_MS = 1250;
/** Times that missing packets are asked for again (SAE J1939-21, 5.10.2.4). */
const MOST_TRIES = 2;

/**
 * Steers transfers that others send to this node alone (SAE J1939-21, 5.10.3): says how many packets may come, asks again for those that
 * are missing, and acknowledges the whole. What is in them is put together by whoever watches the bus.
 */
export class ReceivedTransfers {
  readonly #parts: ReceivedTransferParts;
  readonly #open = new Map<number, Transfer>();
  #finished = 0;
  #repeated = 0;
  #failed = 0;

  constructor(parts: ReceivedTransferParts) {
    this.#parts = parts;
  }

  get counts(): ReceivedTransferCounts {
    return { open: this.#open.size, finished: this.#finished, repeated: this.#repeated, failed: this.#failed };
  }

  /** Shows it a frame of transfer control or data, whoever it is for. */
  take(frame: CanFrame): void {
    const own = this.#parts.own();
    if (own === undefined || destinationOf(frame.id) !== own) return;
    const source = sourceOf(frame.id);
    if (pgnOf(frame.id) === GROUP.transferData) this.#takeData(source, frame.data);
    else this.#takeControl(source, own, parseControl(frame.data));
  }

  #takeControl(source: number, own: number, control: TransferControl | undefined): void {
    if (control?.kind === "request-to-send") this.#begin(source, own, control);
    const transfer = this.#open.get(source);
    if (control?.kind === "abort" && transfer?.rts.pgn === control.pgn) this.#fail(transfer);
  }

  /** A sender that begins anew has forgotten what it sent before. */
  #begin(source: number, own: number, rts: Transfer["rts"]): void {
    const before = this.#open.get(source);
    if (before !== undefined) this.#fail(before);
    const refusal = this.#refusal(rts);
    if (refusal !== undefined) {
      this.#failed += 1;
      void this.#send(source, own, abortBytes(refusal, rts.pgn));
      return;
    }
    const missing = new Set(Array.from({ length: rts.packets }, (_, at) => at + 1));
    const over = new AbortController();
    const transfer = { source, destination: own, rts, missing, asked: 0, tries: 0, deadlineMs: 0, over };
    this.#open.set(source, transfer);
    this.#ask(transfer);
    void this.#watch(transfer);
  }

  #refusal({ bytes, packets }: Transfer["rts"]): number | undefined {
    if (bytes > TP_MAX_BYTES) return ABORT.tooLong;
    if (bytes < TP_MIN_BYTES || packets !== Math.ceil(bytes / 7)) return ABORT.resources;
    return this.#open.size >= MOST_TRANSFERS ? ABORT.busy : undefined;
  }

  #takeData(source: number, data: Uint8Array): void {
    const transfer = this.#open.get(source);
    if (transfer === undefined || data.length < 2) return;
    transfer.missing.delete(data[0]);
    transfer.deadlineMs = this.#parts.clock.monotonicMs() + PACKET_MS;
    if (transfer.missing.size === 0) this.#finish(transfer);
    else if (firstOf(transfer.missing) > transfer.asked) this.#ask(transfer);
    else if (data[0] === transfer.asked) this.#askAgain(transfer);
  }

  /** Asks for the packets from the first one that is missing. */
  #ask(transfer: Transfer): void {
    const { source, destination, rts, missing } = transfer;
    const next = firstOf(missing);
    const count = Math.min(rts.packets - next + 1, rts.mostPackets);
    transfer.asked = next + count - 1;
    transfer.deadlineMs = this.#parts.clock.monotonicMs() + CLEAR_TO_SEND_MS;
    void this.#send(source, destination, clearToSendBytes(count, next, rts.pgn)).then((sent) => {
      if (sent.kind !== "sent") this.#fail(transfer);
    });
  }

  async #watch(transfer: Transfer): Promise<void> {
    const { clock, ended } = this.#parts;
    const over = AbortSignal.any([transfer.over.signal, ended]);
    while (!over.aborted) {
      const leftMs = transfer.deadlineMs - clock.monotonicMs();
      if (leftMs > 0) await clock.sleep(leftMs, over);
      else this.#askAgain(transfer);
    }
  }

  /** The sender is through with what was asked for, or has fallen silent, and packets are missing. */
  #askAgain(transfer: Transfer): void {
    transfer.tries += 1;
    if (transfer.tries <= MOST_TRIES) {
      this.#repeated += transfer.missing.size;
      this.#ask(transfer);
      return;
    }
    const { source, destination, rts } = transfer;
    this.#fail(transfer);
    void this.#send(source, destination, abortBytes(ABORT.timeOut, rts.pgn));
  }

  #finish(transfer: Transfer): void {
    const { source, destination, rts } = transfer;
    this.#close(transfer);
    this.#finished += 1;
    void this.#send(source, destination, endOfMessageBytes(rts.bytes, rts.packets, rts.pgn));
  }

  #fail(transfer: Transfer): void {
    if (this.#close(transfer)) this.#failed += 1;
  }

  #close(transfer: Transfer): boolean {
    transfer.over.abort();
    return this.#open.get(transfer.source) === transfer && this.#open.delete(transfer.source);
  }

  #send(to: number, own: number, data: Uint8Array): Promise<SentFrame> {
    const way = { source: own, destination: to, priority: PRIORITY.transfer };
    return this.#parts.send(frameOf(GROUP.transferControl, way, data));
  }
}

/** The smallest: packets are put in in their order. */
function firstOf(missing: ReadonlySet<number>): number {
  for (const number of missing) return number;
  return Number.POSITIVE_INFINITY;
}
