import { type CanFrame, FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { type Drive, driveAt } from "../drive-cycle.ts";
import type { UnitParts } from "./diagnostic-unit.ts";
import { FaultMemory, STATUS } from "./fault-memory.ts";
import { groupBytes, idOf, J1939Sender, PGN, TO_ALL } from "./j1939-transport.ts";

const NULL_ADDRESS = 0xfe;
const DM1_EVERY_MS = 1000;
const SPEED_EVERY_MS = 50;

/** Name and place of a unit. */
export type J1939Settings = {
  readonly address: number;
  /** NAME (SAE J1939-81); the lower one keeps a contested address. Its highest bit lets it take another address. */
  readonly name: bigint;
  readonly vin: string;
  /** Make, model, serial number, unit number. */
  readonly component: readonly string[];
  readonly software: readonly string[];
  /** Whether it says its engine speed 20 times a second. */
  readonly sendsSpeed: boolean;
};

/**
 * An engine unit of a truck: claims its address, says its active codes by DM1 each second (by BAM from two codes on, which is over 8 bytes), and the
 * previous ones, VIN, component and software when asked. DM3 and DM11 clear.
 */
export class J1939Ecu {
  readonly memory: FaultMemory;
  readonly sender: J1939Sender;
  /** Requests by group, and those that nobody could answer. */
  readonly asked = new Map<number, number>();
  isSilent = false;
  address: number;
  readonly #parts: UnitParts;
  readonly #settings: J1939Settings;
  readonly #stops: (() => void)[] = [];
  readonly #saying = new Set<number>();

  constructor(name: string, parts: UnitParts, settings: J1939Settings) {
    this.#parts = parts;
    this.#settings = settings;
    this.address = settings.address;
    this.memory = new FaultMemory(name, { wallUs: () => parts.clock.wallUs(), seconds: parts.seconds });
    this.sender = new J1939Sender(parts.bus, parts.clock, () => this.address);
    this.#stops.push(parts.bus.listen((frame) => this.#take(frame)));
  }

  /** Claims its address and begins to speak. */
  start(): void {
    void this.#claim();
    this.#stops.push(this.#parts.clock.every(DM1_EVERY_MS, () => this.#say(PGN.dm1, () => this.#active())));
    if (!this.#settings.sendsSpeed) return;
    this.#stops.push(this.#parts.clock.every(SPEED_EVERY_MS, () => this.#say(PGN.engineSpeed, speedOf, 3)));
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  #say(pgn: number, dataOf: (drive: Drive) => readonly number[], priority = 6): void {
    // A long message may take longer than its period: the next one is left out then.
    if (this.isSilent || this.address === NULL_ADDRESS || this.#saying.has(pgn)) return;
    this.#saying.add(pgn);
    const sent = this.sender.send(pgn, dataOf(driveAt(this.#parts.seconds())), TO_ALL, priority);
    void sent.finally(() => this.#saying.delete(pgn));
  }

  #take({ id, flags, data }: CanFrame): void {
    if ((flags & FRAME_FLAG.extended) === 0 || this.isSilent) return;
    const destination = (id >>> 8) & 0xff;
    const isMine = destination === this.address;
    switch (id & 0x03ff_0000) {
      case PGN.request << 8:
        if ((isMine || destination === TO_ALL) && data.length >= 3) this.#request(data, id & 0xff, isMine);
        break;
      case PGN.connection << 8:
        if (isMine) this.sender.control({ id, flags, data, receivedAtUs: 0 });
        break;
      case PGN.claim << 8:
        if (data.length === 8 && (id & 0xff) === this.address) void this.#contest(data);
        break;
      default:
    }
  }

  #request(data: Uint8Array, from: number, isMine: boolean): void {
    const pgn = data[0] | (data[1] << 8) | (data[2] << 16);
    this.asked.set(pgn, (this.asked.get(pgn) ?? 0) + 1);
    if (pgn === PGN.claim) return void this.#claim();
    if (this.address === NULL_ADDRESS) return;
    if (pgn === PGN.dm3 || pgn === PGN.dm11) {
      this.#clear(pgn);
      if (isMine) this.#acknowledge(0, pgn, from);
      return;
    }
    const answer = this.#answers.get(pgn);
    if (answer !== undefined) {
      // What is asked by one alone goes to it alone, if it does not fit into one frame (SAE J1939-21, 5.4.2).
      void this.sender.send(pgn, answer(driveAt(this.#parts.seconds())), isMine ? from : TO_ALL);
    } else if (isMine) this.#acknowledge(1, pgn, from);
  }

  #acknowledge(control: number, pgn: number, to: number): void {
    void this.sender.send(PGN.acknowledgement, [control, 0xff, 0xff, 0xff, to, ...groupBytes(pgn)], TO_ALL);
  }

  get #answers(): ReadonlyMap<number, (drive: Drive) => readonly number[]> {
    const { vin, component, software } = this.#settings;
    return new Map<number, (drive: Drive) => readonly number[]>([
      [PGN.dm1, () => this.#active()],
      [PGN.dm2, () => this.#previous()],
      [
        PGN.dm5,
        () => [this.#codes(STATUS.testFailed).length, this.#previousCodes().length, 0x14, 0x37, 0xe0, 0x1e, 0xe0, 0x1e],
      ],
      [PGN.dm6, () => this.#message(this.#codes(STATUS.pending))],
      [PGN.dm12, () => this.#active()],
      [PGN.vin, () => ascii(`${vin}*`)],
      [PGN.component, () => ascii(component.map((field) => `${field}*`).join(""))],
      [PGN.software, () => [software.length, ...ascii(software.map((field) => `${field}*`).join(""))]],
      [PGN.engineSpeed, speedOf],
      [PGN.vehicleDistance, distanceOf],
    ]);
  }

  // ---- trouble codes ----

  #clear(pgn: number): void {
    if (pgn === PGN.dm11) return this.memory.clear();
    for (const { code } of this.memory.withStatus(0xff)) {
      if (this.#previousCodes().some((one) => one.code === code)) this.memory.set(code, "gone");
    }
  }

  #codes(mask: number) {
    return this.memory.withStatus(mask);
  }

  #previousCodes() {
    return this.#codes(STATUS.confirmed).filter(({ status }) => (status & STATUS.testFailed) === 0);
  }

  #active(): readonly number[] {
    return this.#message(this.#codes(STATUS.testFailed));
  }

  #previous(): readonly number[] {
    return this.#message(this.#previousCodes());
  }

  /** Lamps (amber while a code is confirmed and active, all flash bits "not available"), then four bytes a code; four zeros and FF FF for none. */
  #message(codes: readonly { readonly code: number; readonly occurrences: number }[]): readonly number[] {
    const lamps = [this.memory.isLampOn ? 0x04 : 0x00, 0xff];
    if (codes.length === 0) return [...lamps, 0, 0, 0, 0, 0xff, 0xff];
    const bytes = codes.flatMap(({ code, occurrences }) => codeBytes(code, occurrences));
    return [...lamps, ...bytes, ...(codes.length === 1 ? [0xff, 0xff] : [])];
  }

  // ---- address ----

  async #claim(): Promise<void> {
    const data = Array.from({ length: 8 }, (_, at) => Number((this.#settings.name >> BigInt(at * 8)) & 0xffn));
    const id = idOf(PGN.claim, this.address, TO_ALL);
    await this.#parts.bus.send({ id, flags: FRAME_FLAG.extended, data: Uint8Array.from(data), receivedAtUs: 0 });
  }

  /** Somebody claims our address: the lower NAME keeps it, the other takes the next, or says that it cannot. */
  async #contest(data: Uint8Array): Promise<void> {
    const theirs = data.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
    const { name } = this.#settings;
    if (theirs === name) return;
    if (theirs < name) this.address = name >> 63n === 1n ? 0x80 + (this.address & 0x3f) : NULL_ADDRESS;
    await this.#claim();
  }
}

/** The four bytes of a code: SPN in 19 bits, FMI in 5, conversion method 0, occurrence count (SAE J1939-73, version 4). */
function codeBytes(code: number, occurrences: number): readonly number[] {
  const [spn, fmi] = [code >>> 5, code & 31];
  return [spn & 0xff, (spn >> 8) & 0xff, ((spn >> 16) << 5) | fmi, occurrences];
}

/** EEC1 (PGN 61444): engine speed, SPN 190, bytes 4 and 5 in 0.125 rpm; torque 125 above percent. */
function speedOf(drive: Drive): readonly number[] {
  const raw = Math.round(drive.engineRpm * 8);
  return [
    0xf0,
    125 + Math.round(drive.throttlePercent),
    125 + Math.round(drive.throttlePercent),
    raw & 0xff,
    raw >> 8,
    0,
    0xff,
    0xff,
  ];
}

/** VDHR (PGN 65217): total distance in 5 m, then trip distance. */
function distanceOf(drive: Drive): readonly number[] {
  const total = Math.round((48_211_300 + drive.distanceM) / 5);
  return [...littleEndian(total), ...littleEndian(Math.round(drive.distanceM / 5))];
}

function littleEndian(value: number): readonly number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

function ascii(text: string): readonly number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}
