import { hexByte, type Malformed, malformed } from "./malformed.ts";

/** Identifiers that one bitmap tells of. */
const STEP = 0x20;
const BITMAP_BYTES = 4;

/** Which PIDs, monitors or kinds of vehicle information an ECU has, as one bitmap tells it. */
export type SupportedBits = {
  readonly kind: "supported";
  /** Ascending, base + 1 .. base + 0x20, without the one that is the next bitmap. */
  readonly ids: readonly number[];
  /** The bitmap to ask for next; undefined where there is none. */
  readonly next: number | undefined;
};

/** Whether `id` is that of a bitmap: 00, 20, .. E0. */
export function isBitmap(id: number): boolean {
  return id % STEP === 0;
}

/** Reads the four bytes of a bitmap: bit 31 stands for base + 1, bit 0 for base + 0x20 (SAE J1979; python-OBD tests, `test_pid`). */
export function parseSupported(base: number, data: Uint8Array): SupportedBits | Malformed {
  if (data.length !== BITMAP_BYTES) {
    return malformed(`the bitmap ${hexByte(base)} has ${data.length} bytes instead of ${BITMAP_BYTES}`);
  }
  const ids = Array.from({ length: STEP }, (_, at) => base + at + 1).filter((id) => {
    const at = id - base - 1;
    return (data[at >>> 3] & (0x80 >>> (at & 7))) !== 0;
  });
  const next = base + STEP;
  return {
    kind: "supported",
    ids: ids.filter((id) => id !== next),
    next: ids.includes(next) && next <= 0xff ? next : undefined,
  };
}
