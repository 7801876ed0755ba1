import type { Clock } from "../../../../agent/core/clock.ts";
import { type CanFrame, FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import type { EcuBus } from "./ecu-bus.ts";
import type { FaultSwitches } from "./ecu-faults.ts";

/** Time-outs of ISO 15765-2, ms (N_Bs and N_Cr). */
const PATIENCE_MS = 1000;
const FD_LENGTHS = [8, 12, 16, 20, 24, 32, 48, 64];

/** Ids and habits of one side of a conversation. */
export type IsoTpPlace = {
  /** What it listens to for itself alone, and what it listens to with others (single frames only). */
  readonly rxId: number;
  readonly functionalId?: number | undefined;
  readonly txId: number;
  readonly extended: boolean;
  /** Address bytes of extended and mixed addressing, before the PCI: what comes must have `rxByte`, what goes has `txByte`. */
  readonly addressBytes?: { readonly rxByte: number; readonly txByte: number } | undefined;
  /** Data bytes of a full frame: 8, or 12 to 64 for CAN FD. */
  readonly frameBytes?: number | undefined;
  /** Fill byte up to a full classic frame; undefined sends short frames. */
  readonly padding?: number | undefined;
  /** What our flow control asks for: frames until the next one (0: none), and STmin as its byte. */
  readonly flow?: { readonly blockSize: number; readonly separation: number } | undefined;
};

type Reception = { readonly total: number; readonly parts: Uint8Array[]; got: number; next: number; block: number };
/** A flow control frame as it came. */
type Flow = { readonly status: number; readonly blockSize: number; readonly separationMs: number };

/**
 * ISO-TP (ISO 15765-2) of a control unit or of a workshop's tester, written for the bench alone and in the plainest way: one array of
 * parts a reception, one loop a transmission. Whatever is wrong is dropped in silence, as units do.
 */
export class IsoTpNode {
  readonly #bus: EcuBus;
  readonly #clock: Clock;
  readonly #place: IsoTpPlace;
  readonly #faults: FaultSwitches;
  readonly #onPdu: (pdu: Uint8Array, isFunctional: boolean) => void;
  readonly #unlisten: () => void;
  #reception: Reception | undefined;
  #receptionEnds = new AbortController();
  #onFlow: ((flow: Flow) => void) | undefined;
  #sending: Promise<unknown> = Promise.resolve();

  constructor(
    parts: { readonly bus: EcuBus; readonly clock: Clock; readonly faults: FaultSwitches },
    place: IsoTpPlace,
    onPdu: (pdu: Uint8Array, isFunctional: boolean) => void,
  ) {
    this.#bus = parts.bus;
    this.#clock = parts.clock;
    this.#faults = parts.faults;
    this.#place = place;
    this.#onPdu = onPdu;
    this.#unlisten = parts.bus.listen((frame) => this.#take(frame));
  }

  /** Sends one PDU after those before it; false when the other side did not let it through. */
  send(pdu: Uint8Array): Promise<boolean> {
    const mine = this.#sending.then(() => this.#transmit(pdu));
    this.#sending = mine.catch(() => undefined);
    return mine;
  }

  stop(): void {
    this.#unlisten();
    this.#receptionEnds.abort();
  }

  get #frameBytes(): number {
    return this.#place.frameBytes ?? 8;
  }

  get #prefix(): readonly number[] {
    return this.#place.addressBytes === undefined ? [] : [this.#place.addressBytes.txByte];
  }

  // ---- receiving ----

  #take({ id, flags, data }: CanFrame): void {
    const { rxId, functionalId, extended, addressBytes } = this.#place;
    if (((flags & FRAME_FLAG.extended) !== 0) !== extended || (id !== rxId && id !== functionalId)) return;
    if (this.#faults.now.silent) return;
    if (addressBytes !== undefined && data[0] !== addressBytes.rxByte) return;
    const body = addressBytes === undefined ? data : data.subarray(1);
    if (body.length === 0) return;
    const isFunctional = id !== rxId;
    const type = body[0] >> 4;
    if (type === 0) this.#takeSingle(body, data.length, isFunctional);
    else if (isFunctional) return;
    else if (type === 1) void this.#takeFirst(body);
    else if (type === 2) void this.#takeConsecutive(body);
    else if (type === 3 && body.length >= 3) {
      this.#onFlow?.({ status: body[0] & 15, blockSize: body[1], separationMs: separationMsOf(body[2]) });
    }
  }

  #takeSingle(body: Uint8Array, frameLength: number, isFunctional: boolean): void {
    const isLong = frameLength > 8 && body[0] === 0;
    const [length, at] = isLong ? [body[1], 2] : [body[0] & 15, 1];
    if (length === 0 || at + length > body.length) return;
    this.#endReception();
    this.#onPdu(body.slice(at, at + length), isFunctional);
  }

  async #takeFirst(body: Uint8Array): Promise<void> {
    if (body.length < 7) return;
    this.#endReception();
    const short = ((body[0] & 15) << 8) | body[1];
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    const [total, at] = short === 0 ? [view.getUint32(2), 6] : [short, 2];
    if (total <= body.length - at || this.#faults.takes("noFlowControl")) return;
    if (this.#faults.takes("overflow")) return await this.#flow(2);
    const reception: Reception = { total, parts: [body.slice(at)], got: body.length - at, next: 1, block: 0 };
    this.#reception = reception;
    const { waits, waitEveryMs } = this.#faults.now;
    for (let wait = 0; wait < waits; wait += 1) {
      await this.#flow(1);
      await this.#clock.sleep(waitEveryMs, this.#receptionEnds.signal);
    }
    if (this.#reception !== reception) return;
    this.#watch(reception);
    await this.#flow(0);
  }

  async #takeConsecutive(body: Uint8Array): Promise<void> {
    const reception = this.#reception;
    if (reception === undefined) return;
    if ((body[0] & 15) !== reception.next) return this.#endReception();
    reception.next = (reception.next + 1) % 16;
    reception.parts.push(body.slice(1));
    reception.got += body.length - 1;
    if (reception.got >= reception.total) {
      this.#endReception();
      this.#onPdu(joined(reception.parts).slice(0, reception.total), false);
      return;
    }
    this.#watch(reception);
    reception.block += 1;
    const blockSize = this.#place.flow?.blockSize ?? 0;
    if (blockSize > 0 && reception.block % blockSize === 0) await this.#flow(0);
  }

  #endReception(): void {
    this.#reception = undefined;
    this.#receptionEnds.abort();
    this.#receptionEnds = new AbortController();
  }

  /** Forgets a reception of which nothing more comes. */
  #watch(reception: Reception): void {
    this.#receptionEnds.abort();
    this.#receptionEnds = new AbortController();
    const { signal } = this.#receptionEnds;
    void this.#clock.sleep(PATIENCE_MS, signal).then(() => {
      if (!signal.aborted && this.#reception === reception) this.#endReception();
    });
  }

  async #flow(status: number): Promise<void> {
    const { blockSize, separation } = this.#place.flow ?? { blockSize: 0, separation: 0 };
    await this.#put([0x30 | status, blockSize, separation]);
  }

  // ---- sending ----

  async #transmit(pdu: Uint8Array): Promise<boolean> {
    const room = this.#frameBytes - this.#prefix.length;
    const id = this.#faults.takes("wrongId") ? this.#place.txId + 1 : this.#place.txId;
    const isWrong = this.#faults.takes("wrongLength");
    if (pdu.length <= Math.min(room, 8 - this.#prefix.length) - 1) {
      await this.#put([isWrong ? 15 : pdu.length, ...pdu], id);
      return true;
    }
    if (this.#frameBytes > 8 && pdu.length <= room - 2) {
      await this.#put([0, isWrong ? 0x7f : pdu.length, ...pdu], id);
      return true;
    }
    return await this.#transmitLong(pdu, id, pdu.length + (isWrong ? 4 : 0));
  }

  async #transmitLong(pdu: Uint8Array, id: number, announced: number): Promise<boolean> {
    const room = this.#frameBytes - this.#prefix.length;
    const head =
      announced <= 0xfff
        ? [0x10 | (announced >> 8), announced & 0xff]
        : [0x10, 0, announced >>> 24, (announced >>> 16) & 0xff, (announced >>> 8) & 0xff, announced & 0xff];
    const [isOutOfOrder, isShort] = [this.#faults.takes("wrongSequence"), this.#faults.takes("lostConsecutive")];
    const flows = this.#flows();
    let at = room - head.length;
    await this.#put([...head, ...pdu.subarray(0, at)], id);
    const frames = Math.ceil((pdu.length - at) / (room - 1));
    const misnumbered = isOutOfOrder ? Math.min(3, frames) : 0;
    let flow = await flows.next();
    let left = flow?.blockSize ?? 0;
    for (let frame = 1; frame <= frames; frame += 1) {
      if (flow === undefined) break;
      if (frame > 1) await this.#clock.sleep(Math.max(flow.separationMs, this.#faults.now.separationMs));
      if (isShort && frame === frames) break;
      const number = frame + (frame === misnumbered ? 1 : 0);
      await this.#put([0x20 | (number & 15), ...pdu.subarray(at, at + room - 1)], id);
      at += room - 1;
      left -= 1;
      if (flow.blockSize === 0 || left > 0 || frame === frames) continue;
      flow = await flows.next();
      left = flow?.blockSize ?? 0;
    }
    flows.end();
    return flow !== undefined;
  }

  /** Flow control frames of the other side from now on: those that let us go on. Undefined after overflow, or when none comes in time. */
  #flows(): { next(): Promise<Flow | undefined>; end(): void } {
    const came: Flow[] = [];
    let wake = new AbortController();
    this.#onFlow = (flow) => {
      came.push(flow);
      wake.abort();
    };
    const next = async (): Promise<Flow | undefined> => {
      for (;;) {
        if (came.length === 0) await this.#clock.sleep(PATIENCE_MS, wake.signal);
        wake = new AbortController();
        const flow = came.shift();
        if (flow === undefined || flow.status > 1) return undefined;
        if (flow.status === 0) return flow;
      }
    };
    const end = (): void => {
      this.#onFlow = undefined;
    };
    return { next, end };
  }

  async #put(bytes: readonly number[], id = this.#place.txId): Promise<void> {
    const { extended, padding } = this.#place;
    const isFd = this.#frameBytes > 8;
    const body = [...this.#prefix, ...bytes];
    const least = padding === undefined ? body.length : Math.max(8, body.length);
    const length = isFd && least > 8 ? (FD_LENGTHS.find((one) => one >= least) ?? 64) : least;
    const data = new Uint8Array(length).fill(padding ?? 0xcc);
    data.set(body);
    const flags = (extended ? FRAME_FLAG.extended : 0) | (isFd ? FRAME_FLAG.fd | FRAME_FLAG.bitRateSwitch : 0);
    await this.#bus.send({ id, flags, data, receivedAtUs: 0 });
  }
}

/** STmin: 0 to 127 ms, F1 to F9 are 100 to 900 µs, and all else counts as 127 ms. */
function separationMsOf(byte: number): number {
  if (byte <= 0x7f) return byte;
  return byte >= 0xf1 && byte <= 0xf9 ? (byte - 0xf0) / 10 : 127;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
