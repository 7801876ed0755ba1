/** Bytes of a NAME, little-endian in an address claim. */
const NAME_BYTES = 8;

/** What a NAME says of a node (SAE J1939-81, 4.1.1); its one reserved bit is left out. */
export type NameFields = {
  /** 21 bits, the maker's number of this very unit. */
  readonly identity: number;
  /** 11 bits, given by SAE. */
  readonly manufacturer: number;
  readonly ecuInstance: number;
  readonly functionInstance: number;
  /** 8 bits; from 128 on it means something else in each vehicle system. */
  readonly function: number;
  readonly vehicleSystem: number;
  readonly vehicleSystemInstance: number;
  readonly industryGroup: number;
  /** Takes another address where it loses one. */
  readonly arbitraryAddress: boolean;
};

/** Fields with their width, lowest bit first; `reserved` is one bit between function and vehicle system. */
const FIELDS = [
  ["identity", 21n],
  ["manufacturer", 11n],
  ["ecuInstance", 3n],
  ["functionInstance", 5n],
  ["function", 8n],
  ["reserved", 1n],
  ["vehicleSystem", 7n],
  ["vehicleSystemInstance", 4n],
  ["industryGroup", 3n],
  ["arbitraryAddress", 1n],
] as const;

/** A NAME as one number of 64 bits: of two nodes that want one address the lower number has it. */
export function nameOf(fields: NameFields): bigint {
  const values = { ...fields, reserved: 0, arbitraryAddress: fields.arbitraryAddress ? 1 : 0 };
  let at = 0n;
  let name = 0n;
  for (const [field, bits] of FIELDS) {
    name |= BigInt.asUintN(Number(bits), BigInt(values[field])) << at;
    at += bits;
  }
  return name;
}

/** What a NAME says. */
export function nameFields(name: bigint): NameFields {
  const values = { identity: 0, manufacturer: 0, ecuInstance: 0, functionInstance: 0, function: 0, reserved: 0 };
  const more = { ...values, vehicleSystem: 0, vehicleSystemInstance: 0, industryGroup: 0, arbitraryAddress: 0 };
  let at = 0n;
  for (const [field, bits] of FIELDS) {
    more[field] = Number(BigInt.asUintN(Number(bits), name >> at));
    at += bits;
  }
  const { reserved: _reserved, arbitraryAddress, ...rest } = more;
  return { ...rest, arbitraryAddress: arbitraryAddress === 1 };
}

/** The eight bytes of an address claim. */
export function nameBytes(name: bigint): Uint8Array {
  const bytes = new Uint8Array(NAME_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, name, true);
  return bytes;
}

/** The NAME in an address claim; undefined where it has not eight bytes. */
export function nameIn(data: Uint8Array): bigint | undefined {
  if (data.length !== NAME_BYTES) return undefined;
  return new DataView(data.buffer, data.byteOffset, NAME_BYTES).getBigUint64(0, true);
}

/** A NAME as people write it: 16 hexadecimal digits, as j1939acd of can-utils takes them. */
export function nameText(name: bigint): string {
  return name.toString(16).padStart(NAME_BYTES * 2, "0");
}
