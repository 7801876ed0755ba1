import { type Drive, driveAt } from "../drive-cycle.ts";
import { DiagnosticUnit, type Said, type UnitParts } from "./diagnostic-unit.ts";
import { FaultMemory } from "./fault-memory.ts";
import type { IsoTpPlace } from "./isotp-node.ts";
import { odometerBytes, twoBytes } from "./obd-values.ts";
import { readTroubleCodes, type SnapshotParts } from "./uds-trouble-codes.ts";

const NRC = {
  service: 0x11,
  subfunction: 0x12,
  length: 0x13,
  busy: 0x21,
  conditions: 0x22,
  sequence: 0x24,
  range: 0x31,
  denied: 0x33,
  wrongKey: 0x35,
  attempts: 0x36,
  delay: 0x37,
  subfunctionInSession: 0x7e,
  serviceInSession: 0x7f,
} as const;
const SUPPRESS = 0x80;
const S3_MS = 5000;
const DELAY_MS = 10_000;
const MOST_ATTEMPTS = 3;
/** What the server says of its timing: P2 50 ms, P2* 5000 ms in steps of 10. */
const TIMING = [0x00, 0x32, 0x01, 0xf4];
/** Services that work in the default session. */
const DEFAULT_SERVICES: readonly number[] = [0x10, 0x11, 0x14, 0x19, 0x22, 0x3e];
const OTHER_SERVICES: readonly number[] = [0x27, 0x28, 0x2e, 0x2f, 0x31, 0x85];
/** Services with a subfunction, whose highest bit asks for no positive answer. */
const WITH_SUBFUNCTION: readonly number[] = [0x10, 0x11, 0x19, 0x27, 0x28, 0x31, 0x3e, 0x85];

/** Data identifiers of the body controller: those of config/ecus.example.yaml, and some that are not in it. */
export const DID = {
  vin: 0xf190,
  partNumber: 0xf187,
  serial: 0xf18c,
  software: 0xf189,
  hardware: 0xf191,
  session: 0xf186,
  /** Battery voltage, 16 bits, 0.01 V, then temperature of the board, 8 bits, °C + 40. */
  supply: 0x0101,
  /** Two bits a door from the lowest: 0 closed, 1 open. */
  doors: 0x0102,
  /** Seconds; written in the extended session with security. */
  lightingDelay: 0x0201,
  /** Text of no fixed length; written in the extended session with security. */
  label: 0x0202,
  /** km, 24 bits; held by snapshots alone. */
  distance: 0xdd00,
} as const;

/** Routines and outputs of the body controller. */
export const ROUTINE = {
  /** Extended session and security, at standstill; start with 00 and 1 to 5 runs of a second. Results: 00, then 16 bits, 0.01 A; 21 while it runs. */
  windowTest: 0x0203,
  /** Extended session; answers 00 at once. */
  selfTest: 0x0204,
} as const;
const HORN = 0x0301;
const RUN_MS = 1000;

/** A body controller that answers ISO 14229-1: sessions, security, DIDs, trouble codes with snapshots, routines, input/output control. */
export class UdsEcu {
  readonly unit: DiagnosticUnit;
  readonly memory: FaultMemory;
  readonly #parts: UnitParts;
  readonly #vin: string;
  #session = 0x01;
  #sessionEnds = new AbortController();
  #isUnlocked = false;
  #seed: number | undefined;
  #attempts = 0;
  #lockedUntilMs = 0;
  #lightingDelay = 30;
  #label = "bench";
  #testEndsMs: number | undefined;
  isHornOn = false;
  /** Resets, keys that were right, answers that were held back because the request asked for it, window tests, and times that the horn went on. */
  readonly counts = { resets: 0, unlocks: 0, suppressed: 0, windowTests: 0, horns: 0 };
  isSettingOn = true;

  constructor(name: string, parts: UnitParts, place: IsoTpPlace, vin: string) {
    this.#parts = parts;
    this.#vin = vin;
    this.memory = new FaultMemory(name, { wallUs: () => parts.clock.wallUs(), seconds: parts.seconds });
    this.unit = new DiagnosticUnit(name, parts, place, (request, isFunctional) => this.#serve(request, isFunctional));
  }

  get session(): number {
    return this.#session;
  }

  get isUnlocked(): boolean {
    return this.#isUnlocked;
  }

  /** The key that this unit takes for a seed; what an integrator's program works out. */
  static keyOf(seed: number): number {
    return (Math.imul(seed, 3) + 0x1357) & 0xffff;
  }

  get #drive(): Drive {
    return driveAt(this.#parts.seconds());
  }

  #serve(request: Uint8Array, isFunctional: boolean): Said {
    const [service, sub] = request;
    if (this.#session !== 0x01) this.#startS3();
    const isQuiet = WITH_SUBFUNCTION.includes(service) && sub !== undefined && (sub & SUPPRESS) !== 0;
    const plain = Uint8Array.from(request);
    if (isQuiet) plain[1] = sub & 0x7f;
    const said = this.#answer(plain, isFunctional);
    if (!isQuiet || (said !== undefined && "negative" in said)) return said;
    this.counts.suppressed += 1;
    return undefined;
  }

  #answer(request: Uint8Array, isFunctional: boolean): Said {
    const [service, ...rest] = request;
    if (!DEFAULT_SERVICES.includes(service) && !OTHER_SERVICES.includes(service)) return { negative: NRC.service };
    if (this.#session === 0x01 && OTHER_SERVICES.includes(service)) return { negative: NRC.serviceInSession };
    switch (service) {
      case 0x10:
        return this.#changeSession(rest);
      case 0x11:
        return this.#reset(rest);
      case 0x14:
        return this.#clear(rest);
      case 0x19:
        return readTroubleCodes(this.memory, this.#snapshots, rest);
      case 0x22:
        return this.#read(rest);
      case 0x27:
        return this.#security(rest);
      case 0x28:
        return rest.length === 2 && rest[0] <= 3 ? [0x68, rest[0]] : { negative: NRC.subfunction };
      case 0x2e:
        return this.#write(rest);
      case 0x2f:
        return this.#control(rest);
      case 0x31:
        return this.#routine(rest);
      case 0x3e:
        if (rest.length !== 1) return { negative: NRC.length };
        return rest[0] === 0 ? [0x7e, 0] : { negative: NRC.subfunction };
      case 0x85:
        if (rest[0] !== 1 && rest[0] !== 2) return { negative: NRC.subfunction };
        this.isSettingOn = rest[0] === 1;
        return [0xc5, rest[0]];
      default:
        return isFunctional ? undefined : { negative: NRC.service };
    }
  }

  // ---- sessions ----

  #changeSession([session, ...more]: readonly number[]): Said {
    if (session === undefined || more.length > 0) return { negative: NRC.length };
    if (![0x01, 0x02, 0x03].includes(session)) return { negative: NRC.subfunction };
    if (session === 0x02 && this.#session === 0x01) return { negative: NRC.subfunctionInSession };
    this.#enter(session);
    return [0x50, session, ...TIMING];
  }

  #enter(session: number): void {
    this.#session = session;
    this.#isUnlocked = false;
    this.#seed = undefined;
    this.#sessionEnds.abort();
    if (session !== 0x01) return this.#startS3();
    this.isSettingOn = true;
    this.isHornOn = false;
  }

  /** Without a request for S3 the unit is back in its default session. */
  #startS3(): void {
    this.#sessionEnds.abort();
    this.#sessionEnds = new AbortController();
    const { signal } = this.#sessionEnds;
    void this.#parts.clock.sleep(S3_MS, signal).then(() => {
      if (!signal.aborted) this.#enter(0x01);
    });
  }

  #reset([kind]: readonly number[]): Said {
    if (kind === undefined || kind < 1 || kind > 3) return { negative: NRC.subfunction };
    if (this.#drive.speedKph > 0) return { negative: NRC.conditions };
    this.counts.resets += 1;
    this.#enter(0x01);
    return [0x51, kind];
  }

  #clear(group: readonly number[]): Said {
    if (group.length < 3) return { negative: NRC.length };
    const wanted = (group[0] << 16) | (group[1] << 8) | group[2];
    if (wanted === 0xff_ffff) this.memory.clear();
    else if (this.memory.get(wanted) === undefined) return { negative: NRC.range };
    else this.memory.set(wanted, "gone");
    return [0x54];
  }

  // ---- security ----

  #security([level, ...key]: readonly number[]): Said {
    if (level !== 0x01 && level !== 0x02) return { negative: NRC.subfunction };
    if (this.#parts.clock.monotonicMs() < this.#lockedUntilMs) return { negative: NRC.delay };
    if (level === 0x01) {
      if (this.#isUnlocked) return [0x67, 0x01, 0, 0];
      this.#seed = 1 + (Math.floor(this.#parts.clock.monotonicMs() * 7) % 0xfffe);
      return [0x67, 0x01, ...twoBytes(this.#seed)];
    }
    const seed = this.#seed;
    if (seed === undefined) return { negative: NRC.sequence };
    this.#seed = undefined;
    if (key.length === 2 && ((key[0] << 8) | key[1]) === UdsEcu.keyOf(seed)) {
      this.#isUnlocked = true;
      this.#attempts = 0;
      this.counts.unlocks += 1;
      return [0x67, 0x02];
    }
    this.#attempts += 1;
    if (this.#attempts < MOST_ATTEMPTS) return { negative: NRC.wrongKey };
    this.#attempts = 0;
    this.#lockedUntilMs = this.#parts.clock.monotonicMs() + DELAY_MS;
    return { negative: NRC.attempts };
  }

  // ---- data ----

  #read(rest: readonly number[]): Said {
    if (rest.length === 0 || rest.length % 2 !== 0) return { negative: NRC.length };
    const answer = [0x62];
    for (let at = 0; at < rest.length; at += 2) {
      const did = (rest[at] << 8) | rest[at + 1];
      const data = this.#dataOf(did, this.#drive);
      if (data !== undefined) answer.push(...twoBytes(did), ...data);
    }
    return answer.length > 1 ? answer : { negative: NRC.range };
  }

  #dataOf(did: number, drive: Drive): readonly number[] | undefined {
    const values = new Map<number, () => readonly number[]>([
      [DID.vin, () => ascii(this.#vin)],
      [DID.partNumber, () => ascii("5Q0937085AB")],
      [DID.serial, () => [0x20, 0x26, 0x11, 0x29, 0x00, 0x42]],
      [DID.software, () => ascii("0412")],
      [DID.hardware, () => ascii("H07")],
      [DID.session, () => [this.#session]],
      [DID.supply, () => [...twoBytes(1410 - Math.round(drive.brakePercent)), Math.round(20 + 15 * drive.warmth) + 40]],
      [DID.doors, () => [drive.speedKph > 0 ? 0b0000 : 0b0001]],
      [DID.lightingDelay, () => [this.#lightingDelay]],
      [DID.label, () => ascii(this.#label)],
    ]);
    return values.get(did)?.();
  }

  #write([high, low, ...data]: readonly number[]): Said {
    if (low === undefined || data.length === 0) return { negative: NRC.length };
    const did = (high << 8) | low;
    if (did !== DID.lightingDelay && did !== DID.label) return { negative: NRC.range };
    if (!this.#isUnlocked) return { negative: NRC.denied };
    if (did === DID.label) this.#label = String.fromCharCode(...data);
    else if (data.length !== 1) return { negative: NRC.length };
    else this.#lightingDelay = data[0];
    return [0x6e, high, low];
  }

  /** The horn by input/output control: 03 with 01 on or 00 off, 00 gives control back. */
  #control([high, low, parameter, state]: readonly number[]): Said {
    if (parameter === undefined) return { negative: NRC.length };
    if (((high << 8) | low) !== HORN) return { negative: NRC.range };
    if (parameter !== 0 && parameter !== 3) return { negative: NRC.range };
    if (this.#drive.speedKph > 0) return { negative: NRC.conditions };
    const isOn = parameter === 3 && state === 0x01;
    if (isOn && !this.isHornOn) this.counts.horns += 1;
    this.isHornOn = isOn;
    return [0x6f, high, low, parameter, isOn ? 0x01 : 0x00];
  }

  #routine([kind, high, low, ...options]: readonly number[]): Said {
    if (low === undefined) return { negative: NRC.length };
    if (kind < 1 || kind > 3) return { negative: NRC.subfunction };
    const head = [0x71, kind, high, low];
    switch ((high << 8) | low) {
      case ROUTINE.selfTest:
        return kind === 1 ? [...head, 0x00] : { negative: NRC.subfunction };
      case ROUTINE.windowTest:
        return this.#isUnlocked ? this.#windowTest(kind, options, head) : { negative: NRC.denied };
      default:
        return { negative: NRC.range };
    }
  }

  #windowTest(kind: number, options: readonly number[], head: readonly number[]): Said {
    const nowMs = this.#parts.clock.monotonicMs();
    if (kind === 1) {
      if (options.length !== 2) return { negative: NRC.length };
      if (options[0] !== 0 || options[1] < 1 || options[1] > 5) return { negative: NRC.range };
      if (this.#drive.speedKph > 0) return { negative: NRC.conditions };
      this.counts.windowTests += 1;
      this.#testEndsMs = nowMs + options[1] * RUN_MS;
      return [...head, 0x00];
    }
    if (this.#testEndsMs === undefined) return { negative: NRC.sequence };
    if (kind === 2) {
      this.#testEndsMs = undefined;
      return [...head, 0x00];
    }
    return nowMs < this.#testEndsMs ? { negative: NRC.busy } : [...head, 0x00, ...twoBytes(315)];
  }

  /** What was frozen with a code: record 01 supply and doors, record 02 the distance. */
  get #snapshots(): SnapshotParts {
    return (atSeconds) => {
      const drive = driveAt(atSeconds);
      const first = [DID.supply, DID.doors].map((did) => ({ did, data: this.#dataOf(did, drive) ?? [] }));
      return [first, [{ did: DID.distance, data: odometerBytes(drive) }]];
    };
  }
}

function ascii(text: string): readonly number[] {
  return Array.from(text, (letter) => letter.charCodeAt(0));
}
