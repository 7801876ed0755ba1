import type { Clock } from "../../../../agent/core/clock.ts";
import { type CanFrame, FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import type { EcuBus } from "./ecu-bus.ts";

/** Parameter groups that the units of the bench speak (SAE J1939-21, -71, -73, -81). */
export const PGN = {
  request: 0xea00,
  acknowledgement: 0xe800,
  connection: 0xec00,
  data: 0xeb00,
  claim: 0xee00,
  engineSpeed: 0xf004,
  vehicleDistance: 0xfec1,
  dm1: 0xfeca,
  dm2: 0xfecb,
  dm3: 0xfecc,
  dm5: 0xfece,
  dm6: 0xfecf,
  dm11: 0xfed3,
  dm12: 0xfed4,
  vin: 0xfeec,
  component: 0xfeeb,
  software: 0xfeda,
} as const;
/** Destination of a message to all. */
export const TO_ALL = 0xff;

const CONTROL = { rts: 16, cts: 17, end: 19, bam: 32, abort: 255 } as const;
const PATIENCE_MS = 1250;

/** Faults of the transport: how long between two packets, which packet is left out, whether the number of bytes is told wrong. */
export type J1939Faults = { gapMs: number; lostPacket: number; isLengthWrong: boolean };

/** A 29-bit id. */
export function idOf(pgn: number, source: number, destination = TO_ALL, priority = 6): number {
  const specific = ((pgn >>> 8) & 0xff) < 240 ? destination : 0;
  return ((priority << 26) | (pgn << 8) | (specific << 8) | source) >>> 0;
}

/**
 * Sends groups of any length from one address, as one frame, BAM or RTS/CTS; written apart from the agent's. Receiving is not needed:
 * what a unit is asked fits into a frame.
 */
export class J1939Sender {
  readonly #bus: EcuBus;
  readonly #clock: Clock;
  readonly #source: () => number;
  readonly faults: J1939Faults = { gapMs: 50, lostPacket: 0, isLengthWrong: false };
  #onControl: ((data: Uint8Array) => void) | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(bus: EcuBus, clock: Clock, source: () => number) {
    this.#bus = bus;
    this.#clock = clock;
    this.#source = source;
  }

  /** One after the other: a source has one BAM at a time. */
  send(pgn: number, data: readonly number[], destination = TO_ALL, priority = 6): Promise<void> {
    const mine = this.#turn.then(() => this.#send(pgn, data, destination, priority));
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  /** Hands over a connection management frame that is addressed to this source. */
  control(frame: CanFrame): void {
    this.#onControl?.(frame.data);
  }

  async #send(pgn: number, data: readonly number[], destination: number, priority: number): Promise<void> {
    if (data.length <= 8) return await this.#put(idOf(pgn, this.#source(), destination, priority), data);
    if (destination === TO_ALL) await this.#broadcast(pgn, data);
    else await this.#connect(pgn, data, destination);
  }

  async #broadcast(pgn: number, data: readonly number[]): Promise<void> {
    const packets = Math.ceil(data.length / 7);
    const size = data.length + (this.faults.isLengthWrong ? 3 : 0);
    await this.#control(TO_ALL, [CONTROL.bam, size & 0xff, size >> 8, packets, 0xff, ...groupBytes(pgn)]);
    for (let number = 1; number <= packets; number += 1) {
      await this.#clock.sleep(this.faults.gapMs);
      if (number !== this.faults.lostPacket) await this.#packet(TO_ALL, number, data);
    }
  }

  async #connect(pgn: number, data: readonly number[], destination: number): Promise<void> {
    const packets = Math.ceil(data.length / 7);
    const came: Uint8Array[] = [];
    let wake = new AbortController();
    this.#onControl = (bytes) => {
      if (bytes.length < 8 || (bytes[5] | (bytes[6] << 8) | (bytes[7] << 16)) !== pgn) return;
      came.push(bytes);
      wake.abort();
    };
    const rts = [CONTROL.rts, data.length & 0xff, data.length >> 8, packets, 0xff, ...groupBytes(pgn)];
    await this.#control(destination, rts);
    let left = this.faults.lostPacket;
    for (;;) {
      if (came.length === 0) await this.#clock.sleep(PATIENCE_MS, wake.signal);
      wake = new AbortController();
      const bytes = came.shift();
      if (bytes === undefined || bytes[0] !== CONTROL.cts) break;
      for (let number = bytes[2]; number < bytes[2] + bytes[1]; number += 1) {
        // Left out once: the other side asks for it again.
        if (number === left) left = 0;
        else await this.#packet(destination, number, data);
      }
    }
    this.#onControl = undefined;
  }

  async #packet(destination: number, number: number, data: readonly number[]): Promise<void> {
    const part = Array.from({ length: 7 }, (_, at) => data[(number - 1) * 7 + at] ?? 0xff);
    await this.#put(idOf(PGN.data, this.#source(), destination, 7), [number, ...part]);
  }

  async #control(destination: number, bytes: readonly number[]): Promise<void> {
    await this.#put(idOf(PGN.connection, this.#source(), destination, 7), bytes);
  }

  async #put(id: number, bytes: readonly number[]): Promise<void> {
    await this.#bus.send({ id, flags: FRAME_FLAG.extended, data: Uint8Array.from(bytes), receivedAtUs: 0 });
  }
}

/** A parameter group number in three bytes, the lowest first. */
export function groupBytes(pgn: number): readonly number[] {
  return [pgn & 0xff, (pgn >> 8) & 0xff, pgn >> 16];
}
