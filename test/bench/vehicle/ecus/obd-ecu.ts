import { type Drive, driveAt } from "../drive-cycle.ts";
import { DiagnosticUnit, type Said, type UnitParts } from "./diagnostic-unit.ts";
import { FaultMemory, STATUS } from "./fault-memory.ts";
import type { IsoTpPlace } from "./isotp-node.ts";
import { type PidValue, twoBytes } from "./obd-values.ts";

const NOT_SUPPORTED = { negative: 0x12 } as const;
const CONDITIONS_NOT_CORRECT = { negative: 0x22 } as const;
const MOST_PIDS = 6;

/** What an OBD unit is made of, beside its place on the bus. */
export type ObdSettings = {
  readonly pids: ReadonlyMap<number, PidValue>;
  /** 17 characters; a unit without one does not answer service 09 for it. */
  readonly vin?: string | undefined;
  readonly calibrations: readonly { readonly id: string; readonly cvn: number }[];
  /** At most 20 characters. */
  readonly name: string;
  /** Whether it takes several PIDs in one request. */
  readonly takesSeveral: boolean;
};

/** An engine or gearbox unit that answers SAE J1979 (services 01, 02, 03, 04, 06, 07, 09, 0A), with values of the drive. */
export class ObdEcu {
  readonly unit: DiagnosticUnit;
  readonly memory: FaultMemory;
  readonly #settings: ObdSettings;
  readonly #drive: () => Drive;
  #clearedAtSeconds = 0;
  #milSinceSeconds: number | undefined;

  constructor(name: string, parts: UnitParts, place: IsoTpPlace, settings: ObdSettings) {
    this.#settings = settings;
    this.#drive = () => driveAt(parts.seconds());
    this.memory = new FaultMemory(name, { wallUs: () => parts.clock.wallUs(), seconds: parts.seconds });
    this.unit = new DiagnosticUnit(name, parts, place, (request, isFunctional) => this.#answer(request, isFunctional));
  }

  #answer(request: Uint8Array, isFunctional: boolean): Said {
    const [service, ...rest] = request;
    switch (service) {
      case 0x01:
        return this.#current(rest, isFunctional);
      case 0x02:
        return this.#frozen(rest);
      case 0x03:
        return this.#codes(0x43, STATUS.confirmed);
      case 0x04:
        return this.#clear(rest);
      case 0x06:
        return this.#monitors(rest);
      case 0x07:
        return this.#codes(0x47, STATUS.pending);
      case 0x09:
        return this.#information(rest);
      case 0x0a:
        return listOf(0x4a, this.memory.permanent());
      case undefined:
      default:
        return { negative: 0x11 };
    }
  }

  /** Only those parameters that it has; nothing when it has none of them, as the standard asks of OBD units. */
  #current(pids: readonly number[], isFunctional: boolean): Said {
    const asked = this.#settings.takesSeveral ? pids.slice(0, MOST_PIDS) : pids.slice(0, 1);
    const found = asked.flatMap((pid) => {
      const data = this.#valueOf(pid, this.#drive());
      return data === undefined ? [] : [pid, ...data];
    });
    if (found.length > 0) return [0x41, ...found];
    return isFunctional ? undefined : NOT_SUPPORTED;
  }

  #frozen([pid, frame]: readonly number[]): Said {
    const oldest = this.memory.withStatus(STATUS.confirmed).toSorted((a, b) => a.atSeconds - b.atSeconds)[0];
    if (pid === undefined || frame !== 0) return { negative: 0x31 };
    if (pid === 0x02) return [0x42, pid, 0, ...twoBytes(oldest?.code ?? 0)];
    if (oldest === undefined && pid % 0x20 !== 0) return undefined;
    const data = this.#valueOf(pid, driveAt(oldest?.atSeconds ?? 0), 0x02);
    return data === undefined ? undefined : [0x42, pid, 0, ...data];
  }

  #codes(answer: number, status: number): Said {
    return listOf(
      answer,
      this.memory.withStatus(status).map(({ code }) => code),
    );
  }

  /** Only at standstill, as real units do. */
  #clear(rest: readonly number[]): Said {
    if (rest.length > 0) return NOT_SUPPORTED;
    if (this.#drive().speedKph > 0) return CONDITIONS_NOT_CORRECT;
    this.memory.clear();
    this.#clearedAtSeconds = this.#drive().seconds;
    this.#milSinceSeconds = undefined;
    return [0x44];
  }

  /** Monitor 01 (oxygen sensor, bank 1 sensor 1) with two tests, and monitor 21 (catalyst) with one. */
  #monitors([monitor]: readonly number[]): Said {
    if (monitor === 0x00) return [0x46, 0x00, ...supportOf([0x01, 0x20], 0x00)];
    if (monitor === 0x20) return [0x46, 0x20, ...supportOf([0x21], 0x20)];
    if (monitor === 0x01) {
      return [0x46, ...test(0x01, 0x01, 0x0a, [3688, 0, 7377]), ...test(0x01, 0x05, 0x10, [85, 0, 200])];
    }
    // The catalyst fails its test while P0420 is confirmed.
    if (monitor === 0x21) {
      const isBad = this.memory.get(0x0420) !== undefined;
      return [0x46, ...test(0x21, 0x80, 0x24, [isBad ? 900 : 120, 0, 400])];
    }
    return { negative: 0x31 };
  }

  #information([type]: readonly number[]): Said {
    const { vin, calibrations, name } = this.#settings;
    const answers = new Map<number, readonly number[]>([
      ...(vin === undefined ? [] : [[0x02, [1, ...ascii(vin, 17)]] as const]),
      [0x04, [calibrations.length, ...calibrations.flatMap(({ id }) => ascii(id, 16))]],
      [
        0x06,
        [
          calibrations.length,
          ...calibrations.flatMap(({ cvn }) => [...twoBytes(cvn >>> 16), ...twoBytes(cvn & 0xffff)]),
        ],
      ],
      [0x08, [20, ...IN_USE.flatMap(twoBytes)]],
      [0x0a, [1, ...ascii(name, 20)]],
    ]);
    // On CAN no number of items comes before the bitmap.
    if (type === 0x00) return [0x49, 0x00, ...supportOf([...answers.keys()], 0x00)];
    const data = type === undefined ? undefined : answers.get(type);
    return data === undefined ? undefined : [0x49, type, ...data];
  }

  /** Data bytes of a parameter; undefined where the unit has none. */
  #valueOf(pid: number, drive: Drive, service = 0x01): readonly number[] | undefined {
    if (pid % 0x20 === 0) {
      const supported = this.#supported(service);
      return pid === 0 || supported.includes(pid) ? supportOf(supported, pid) : undefined;
    }
    return this.#ownValues(drive).get(pid) ?? this.#settings.pids.get(pid)?.(drive);
  }

  #supported(service: number): readonly number[] {
    const plain = [
      ...this.#settings.pids.keys(),
      ...(service === 0x01 ? this.#ownValues(this.#drive()).keys() : [0x02]),
    ];
    const highest = Math.max(...plain);
    const bases = [0x20, 0x40, 0x60, 0x80, 0xa0, 0xc0, 0xe0].filter((base) => base < highest);
    return [...plain, ...bases];
  }

  /** Parameters that follow from the trouble codes: 01, 21, 31, 41, 4D and 4E. */
  #ownValues(drive: Drive): ReadonlyMap<number, readonly number[]> {
    const isOn = this.memory.isLampOn;
    if (isOn) this.#milSinceSeconds ??= drive.seconds;
    else this.#milSinceSeconds = undefined;
    const count = this.memory.withStatus(STATUS.confirmed).length;
    const sinceMil = this.#milSinceSeconds ?? drive.seconds;
    const kmSince = (seconds: number): number => (drive.distanceM - driveAt(seconds).distanceM) / 1000;
    const minutesSince = (seconds: number): number => (drive.seconds - seconds) / 60;
    return new Map([
      [0x01, [(isOn ? 0x80 : 0) | count, 0x07, 0x65, drive.warmth > 0.8 ? 0x00 : 0x04]],
      [0x21, twoBytes(kmSince(sinceMil))],
      [0x31, twoBytes(kmSince(this.#clearedAtSeconds))],
      [0x41, [0x00, 0x07, 0x65, 0x04]],
      [0x4d, twoBytes(minutesSince(sinceMil))],
      [0x4e, twoBytes(minutesSince(this.#clearedAtSeconds))],
    ]);
  }
}

/** In-use performance counters of spark ignition engines: ignition cycles, monitor completions and conditions (service 09, type 08). */
const IN_USE = [120, 340, 50, 60, 51, 61, 52, 62, 53, 63, 0, 0, 54, 64, 55, 65, 56, 66, 57, 67];

/** On CAN a byte with the number of codes comes before them. */
function listOf(answer: number, codes: readonly number[]): Said {
  return [answer, codes.length, ...codes.flatMap(twoBytes)];
}

/** Bitmap of the 32 numbers after `base`: the highest bit is base + 1. */
function supportOf(numbers: readonly number[], base: number): readonly number[] {
  const bytes = [0, 0, 0, 0];
  for (const number of numbers) {
    const at = number - base - 1;
    if (at >= 0 && at < 32) bytes[at >> 3] |= 0x80 >> (at & 7);
  }
  return bytes;
}

function test(monitor: number, id: number, unit: number, values: readonly number[]): readonly number[] {
  return [monitor, id, unit, ...values.flatMap(twoBytes)];
}

function ascii(text: string, length: number): readonly number[] {
  return Array.from({ length }, (_, at) => text.charCodeAt(at) || 0);
}
