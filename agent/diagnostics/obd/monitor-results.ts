import { hexByte, type Malformed, malformed } from "./malformed.ts";
import { scaleOf } from "./units-and-scaling.ts";

const MONITOR_RESULTS = 0x06;
export const MONITOR_RESULTS_ANSWER = 0x46;
/** Monitor, test, unit and scaling, value, least, most. */
const TEST_BYTES = 9;

/** One test of a monitor. Values are physical where the scaling is known, else raw and unsigned. */
export type TestResult = {
  readonly monitor: number;
  readonly test: number;
  /** Unit and scaling id; undefined `unit` where it is not known. */
  readonly scaling: number;
  readonly unit: string | undefined;
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly passed: boolean;
};

export type TestResults = { readonly kind: "tests"; readonly tests: readonly TestResult[] };

/** Asks for the tests of one monitor, or for a bitmap of monitors. */
export function monitorRequest(monitor: number): Uint8Array {
  return Uint8Array.of(MONITOR_RESULTS, monitor);
}

/** Reads `46 (MID TID UAS value least most)..`; a test passes when least <= value <= most. */
export function parseTests(pdu: Uint8Array): TestResults | Malformed {
  if (pdu[0] !== MONITOR_RESULTS_ANSWER) return malformed("it is no answer to service 0x06");
  const count = (pdu.length - 1) / TEST_BYTES;
  if (!Number.isInteger(count)) {
    return malformed(
      `an answer ${hexByte(MONITOR_RESULTS_ANSWER)} has ${pdu.length - 1} bytes, which is no multiple of ${TEST_BYTES}`,
    );
  }
  return { kind: "tests", tests: Array.from({ length: count }, (_, at) => testAt(pdu, 1 + at * TEST_BYTES)) };
}

function testAt(pdu: Uint8Array, at: number): TestResult {
  const scaling = pdu[at + 2];
  const scale = scaleOf(scaling);
  const word = (from: number): number => {
    const raw = pdu[from] * 256 + pdu[from + 1];
    return scale?.signed === true && raw >= 0x8000 ? raw - 0x1_0000 : raw;
  };
  const [value, least, most] = [word(at + 3), word(at + 5), word(at + 7)];
  const physical = (raw: number): number => (scale === undefined ? raw : raw * scale.factor + scale.offset);
  return {
    monitor: pdu[at],
    test: pdu[at + 1],
    scaling,
    unit: scale?.unit,
    value: physical(value),
    least: physical(least),
    most: physical(most),
    passed: least <= value && value <= most,
  };
}
