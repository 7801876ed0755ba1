import type { Said } from "./diagnostic-unit.ts";
import type { FaultMemory, KeptFault } from "./fault-memory.ts";
import { twoBytes } from "./obd-values.ts";

/** All bits of the status are available. */
const AVAILABLE = 0xff;
const ISO_14229_1 = 0x01;
/** Codes that the unit knows of at all, beside those that it has (19 0A): B1A23-11, U0140-00, B1234-1F, C0040-64. */
const KNOWN: readonly number[] = [0x9a_2311, 0xc1_4000, 0x92_341f, 0x40_4064];

/** Records of a code that came at a moment of the drive, the first being number 1: values by their DID. */
export type SnapshotParts = (
  atSeconds: number,
) => readonly (readonly { readonly did: number; readonly data: readonly number[] }[])[];

/**
 * ReadDTCInformation (service 19): subfunctions 01, 02, 03, 04, 06 and 0A. Extended data records: 01 the occurrence counter,
 * 02 the ageing counter, a byte each, as in config/ecus.example.yaml.
 */
export function readTroubleCodes(memory: FaultMemory, snapshots: SnapshotParts, request: readonly number[]): Said {
  const [sub, ...rest] = request;
  switch (sub) {
    case 0x01:
    case 0x02:
      return rest.length === 1 ? byStatus(memory, sub, rest[0]) : { negative: 0x13 };
    case 0x03:
      return [
        0x59,
        sub,
        ...memory
          .withStatus(AVAILABLE)
          .flatMap(({ code, atSeconds }) => snapshots(atSeconds).flatMap((_, at) => [...threeBytes(code), at + 1])),
      ];
    case 0x04:
    case 0x06:
      return ofOne(memory, snapshots, sub, rest);
    case 0x0a:
      return supported(memory);
    case undefined:
      return { negative: 0x13 };
    default:
      return { negative: 0x12 };
  }
}

function byStatus(memory: FaultMemory, sub: number, mask: number): Said {
  const found = memory.withStatus(mask & AVAILABLE);
  if (sub === 0x01) return [0x59, sub, AVAILABLE, ISO_14229_1, ...twoBytes(found.length)];
  return [0x59, sub, AVAILABLE, ...found.flatMap(({ code, status }) => [...threeBytes(code), status])];
}

function supported(memory: FaultMemory): Said {
  const kept = memory.withStatus(AVAILABLE);
  const codes = [...new Set([...KNOWN, ...kept.map(({ code }) => code)])].toSorted((left, right) => left - right);
  return [0x59, 0x0a, AVAILABLE, ...codes.flatMap((code) => [...threeBytes(code), memory.get(code)?.status ?? 0x50])];
}

function ofOne(memory: FaultMemory, snapshots: SnapshotParts, sub: number, rest: readonly number[]): Said {
  if (rest.length !== 4) return { negative: 0x13 };
  const [high, middle, low, wanted] = rest;
  const code = (high << 16) | (middle << 8) | low;
  const fault = memory.get(code);
  if (fault === undefined) return { negative: 0x31 };
  const records = sub === 0x04 ? snapshotsOf(fault, snapshots) : extendedOf(fault);
  const chosen = records.filter(({ number }) => wanted === 0xff || number === wanted);
  if (chosen.length === 0) return { negative: 0x31 };
  return [0x59, sub, ...threeBytes(code), fault.status, ...chosen.flatMap(({ bytes }) => bytes)];
}

type Numbered = { readonly number: number; readonly bytes: readonly number[] };

function snapshotsOf({ atSeconds }: KeptFault, snapshots: SnapshotParts): readonly Numbered[] {
  return snapshots(atSeconds).map((values, at) => {
    const bytes = values.flatMap(({ did, data }) => [...twoBytes(did), ...data]);
    return { number: at + 1, bytes: [at + 1, values.length, ...bytes] };
  });
}

function extendedOf({ occurrences }: KeptFault): readonly Numbered[] {
  return [
    { number: 0x01, bytes: [0x01, occurrences] },
    { number: 0x02, bytes: [0x02, 0] },
  ];
}

function threeBytes(code: number): readonly number[] {
  return [code >>> 16, (code >>> 8) & 0xff, code & 0xff];
}
