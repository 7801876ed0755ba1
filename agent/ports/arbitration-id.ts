const STANDARD_IDS = 0x800;
const EXTENDED_IDS = 0x2000_0000;

/** Largest arbitration id of 11 or 29 bits (ISO 11898-1). All its bits are set: it is the mask of a whole id too. */
export function largestId(extended: boolean): number {
  return (extended ? EXTENDED_IDS : STANDARD_IDS) - 1;
}

/** Whether a number is an arbitration id of its length. */
export function isArbitrationId(id: number, extended: boolean): boolean {
  return Number.isInteger(id) && id >= 0 && id <= largestId(extended);
}

/** An id and its length as one number, so that 0x123 and 0x00000123 differ: 0..0x7ff, and from 0x2000_0000 on for 29 bits. */
export function idKey(id: number, extended: boolean): number {
  return extended ? id + EXTENDED_IDS : id;
}

/** An id in the notation of candump: "1F0", with eight digits for 29 bits. */
export function hexOfId({ id, extended }: { readonly id: number; readonly extended: boolean }): string {
  return id
    .toString(16)
    .toUpperCase()
    .padStart(extended ? 8 : 3, "0");
}
