import { hexByte, type Malformed, malformed } from "./malformed.ts";

const VEHICLE_INFO = 0x09;
export const VEHICLE_INFO_ANSWER = 0x49;
/** Kinds of vehicle information that are read (SAE J1979; reference: python-OBD commands.py, mode 9). */
export const INFO_TYPES = {
  vin: 0x02,
  calibrationIds: 0x04,
  verificationNumbers: 0x06,
  ratiosSpark: 0x08,
  name: 0x0a,
  ratiosCompression: 0x0b,
} as const;

/** ISO 3779: no I, O and Q. */
const VIN_FORM = /^[A-HJ-NPR-Z0-9]{17}$/;
const CALIBRATION_ID_BYTES = 16;
const VERIFICATION_NUMBER_BYTES = 4;
const NAME_BYTES = 20;
const WORD_BYTES = 2;

export type VehicleInfo =
  | { readonly kind: "supported"; readonly data: Uint8Array }
  /** A VIN is personal data: it must not reach a log. */
  | { readonly kind: "vin"; readonly vin: string }
  | { readonly kind: "calibration-ids"; readonly ids: readonly string[] }
  /** Eight hexadecimal digits each. */
  | { readonly kind: "verification-numbers"; readonly numbers: readonly string[] }
  /** In-use performance: how often each monitor ran to its end, and could have. */
  | { readonly kind: "ratios"; readonly counts: readonly { readonly name: string; readonly count: number }[] }
  | { readonly kind: "name"; readonly name: string };

const FIRST_COUNTS = ["obd_conditions", "ignition_cycles"];
/** In the order of an answer, two counts each: OBDCOND, IGNCNTR, CATCOMP1, CATCOND1 .. (SAE J1979, as ELM and open firmware list it). */
const SPARK_COUNTS =
  "catalyst_b1 catalyst_b2 o2_sensor_b1 o2_sensor_b2 egr secondary_air evap secondary_o2_b1 secondary_o2_b2".split(" ");
const COMPRESSION_COUNTS = "nmhc_catalyst nox_catalyst nox_adsorber pm_filter exhaust_gas_sensor egr boost fuel".split(
  " ",
);

/** Asks for one kind of vehicle information. */
export function vehicleInfoRequest(type: number): Uint8Array {
  return Uint8Array.of(VEHICLE_INFO, type);
}

/**
 * Reads `49 TYPE COUNT data` of CAN. Texts lose the zero bytes and blanks at their ends. Of the bitmap (type 00) some ECUs leave the count
 * out and some do not: both are read.
 */
export function parseVehicleInfo(pdu: Uint8Array, asked?: number): VehicleInfo | Malformed {
  if (pdu[0] !== VEHICLE_INFO_ANSWER) return malformed("it is no answer to service 0x09");
  if (pdu.length < 3) return malformed(`an answer 0x49 has ${pdu.length} bytes`);
  const type = pdu[1];
  if (asked !== undefined && type !== asked) {
    return malformed(`an answer 0x49 is of type ${hexByte(type)} instead of ${hexByte(asked)}`);
  }
  if (type === 0) return { kind: "supported", data: pdu.slice(pdu.length > 6 ? 3 : 2) };
  const count = pdu[2];
  const data = pdu.subarray(3);
  const items = (bytes: number): readonly Uint8Array[] | Malformed => itemsOf(type, data, { count, bytes });
  switch (type) {
    case INFO_TYPES.vin:
      return vinOf(data);
    case INFO_TYPES.calibrationIds:
      return infoOf(items(CALIBRATION_ID_BYTES), (ids) => ({ kind: "calibration-ids", ids: ids.map(textOf) }));
    case INFO_TYPES.verificationNumbers:
      return infoOf(items(VERIFICATION_NUMBER_BYTES), (numbers) => ({
        kind: "verification-numbers",
        numbers: numbers.map((number) => Buffer.from(number).toString("hex").toUpperCase()),
      }));
    case INFO_TYPES.ratiosSpark:
    case INFO_TYPES.ratiosCompression:
      return infoOf(items(WORD_BYTES), (words) => ({
        kind: "ratios",
        counts: words.map((word, at) => ({ name: countName(type, at), count: wordOf(word) })),
      }));
    case INFO_TYPES.name:
      return infoOf(items(NAME_BYTES), (names) => ({
        kind: "name",
        name: names.map((name) => textOf(name.filter((byte) => byte !== 0))).join(" "),
      }));
    default:
      return malformed(`type ${hexByte(type)} of vehicle information is not read`);
  }
}

function infoOf(
  items: readonly Uint8Array[] | Malformed,
  info: (items: readonly Uint8Array[]) => VehicleInfo,
): VehicleInfo | Malformed {
  return "kind" in items ? items : info(items);
}

/** Seventeen characters; some ECUs put zero bytes before them. */
function vinOf(data: Uint8Array): VehicleInfo | Malformed {
  const vin = textOf(data);
  return VIN_FORM.test(vin) ? { kind: "vin", vin } : malformed("it has no VIN of 17 characters");
}

function itemsOf(
  type: number,
  data: Uint8Array,
  { count, bytes }: { readonly count: number; readonly bytes: number },
): readonly Uint8Array[] | Malformed {
  const end = count * bytes;
  if (data.length < end || data.subarray(end).some((byte) => byte !== 0)) {
    return malformed(
      `an answer 0x49 of type ${hexByte(type)} says ${count} items of ${bytes} bytes and has ${data.length} bytes`,
    );
  }
  return Array.from({ length: count }, (_, at) => data.subarray(at * bytes, (at + 1) * bytes));
}

/** The name of a count by its place; a number where the list ends. */
function countName(type: number, at: number): string {
  const monitors = type === INFO_TYPES.ratiosSpark ? SPARK_COUNTS : COMPRESSION_COUNTS;
  if (at < FIRST_COUNTS.length) return FIRST_COUNTS[at];
  const pair = (at - FIRST_COUNTS.length) >>> 1;
  return `${monitors[pair] ?? `monitor_${pair + 1}`}_${at % 2 === 0 ? "completed" : "conditions"}`;
}

function wordOf([high, low]: Uint8Array): number {
  return high * 256 + low;
}

/** Printable ASCII without zero bytes and blanks at the ends; what is not printable becomes "?". */
function textOf(data: Uint8Array): string {
  const isFill = (byte: number): boolean => byte === 0 || byte === 0x20;
  const first = data.findIndex((byte) => !isFill(byte));
  const text = String.fromCharCode(
    ...data.subarray(Math.max(0, first), data.findLastIndex((byte) => !isFill(byte)) + 1),
  );
  return text.replace(/[^ -~]/g, "?");
}
