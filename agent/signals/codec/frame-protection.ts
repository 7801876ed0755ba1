/** Checksum rules of frames that are sent. */
export type ChecksumRule = "xor8" | "sum8" | "crc8-j1850";

/** CRC-8 SAE J1850: polynomial 0x1d, initial value and final exclusive-or 0xff, not reflected (check value 0x4b; CRC catalogue, reveng). */
const POLYNOMIAL = 0x1d;

/** The checksum of `data`, in which the checksum's own byte must be zero. */
export function checksumOf(rule: ChecksumRule, data: Uint8Array): number {
  switch (rule) {
    case "xor8":
      return data.reduce((sum, byte) => sum ^ byte, 0);
    case "sum8":
      return data.reduce((sum, byte) => (sum + byte) & 0xff, 0);
    case "crc8-j1850":
      return data.reduce(crcStep, 0xff) ^ 0xff;
  }
}

function crcStep(crc: number, byte: number): number {
  let next = crc ^ byte;
  for (let bit = 0; bit < 8; bit += 1) next = ((next << 1) ^ ((next & 0x80) === 0 ? 0 : POLYNOMIAL)) & 0xff;
  return next;
}
