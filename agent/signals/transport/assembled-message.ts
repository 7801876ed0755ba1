/** A message that came in several frames, once it is whole. */
export type AssembledMessage = {
  readonly pgn: number;
  /** Source address, 0..255. */
  readonly source: number;
  /** Destination address, 255 for all: of the connection or, in a fast packet, of its group. */
  readonly destination: number;
  /** The 29-bit id that it would have as one frame: of its last frame the priority, and the source. */
  readonly id: number;
  /** 9..1785 bytes, of a fast packet 1..223; its own memory. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Receive time of its last frame, µs since the Unix epoch. */
  readonly receivedAtUs: number;
};

/** What became of a frame: a whole message with its last one, or "part" of one that is asked for. Undefined: nothing of that. */
export type AssemblyStep = AssembledMessage | "part" | undefined;
