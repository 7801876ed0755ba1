/** A frame of a transfer; `atMs` of the whole transfer. */
export type TpFrame = { readonly id: number; readonly data: readonly number[]; readonly atMs: number };

export type TpTransfer = {
  readonly pgn: number;
  readonly from: number;
  /** 255: to all, by BAM; otherwise the frames of the sender alone, RTS and data. */
  readonly to: number;
  readonly atMs: number;
  readonly gapMs: number;
};

/** The frames in which a message of the J1939 transport protocol comes; PGN 65200 from address 1 to all, unless `transfer` says otherwise. */
export function tpFrames(bytes: readonly number[], transfer: Partial<TpTransfer> = {}): readonly TpFrame[] {
  const { pgn = 65_200, from = 1, to = 255, atMs = 0, gapMs = 50 } = transfer;
  const packets = Math.ceil(bytes.length / 7);
  const size = [bytes.length & 0xff, bytes.length >> 8, packets];
  const opener = [to === 255 ? 32 : 16, ...size, 255, pgn & 0xff, (pgn >> 8) & 0xff, pgn >> 16];
  const packetAt = (at: number): readonly number[] => {
    const own = bytes.slice(at * 7, at * 7 + 7);
    return [at + 1, ...own, ...Array.from({ length: 7 - own.length }, () => 255)];
  };
  const data = Array.from({ length: packets }, (_, at) => ({
    id: 0x18eb_0000 | (to << 8) | from,
    data: packetAt(at),
    atMs: atMs + (at + 1) * gapMs,
  }));
  return [{ id: 0x18ec_0000 | (to << 8) | from, data: opener, atMs }, ...data];
}
