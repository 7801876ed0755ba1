import { consecutiveCapacity, type FrameLayout, firstFrame, singleFrame } from "../isotp/frame-codec.ts";

/** How a PDU begins on the bus, and how many frames it takes (ISO 15765-2:2016, table 9). */
export type Beginning = {
  /** The data bytes of its first frame. */
  readonly prefix: Uint8Array;
  /** All of its frames that its sender sends. */
  readonly frames: number;
};

/** The beginning of a PDU that goes out in frames of this layout. */
export function beginningOf(pdu: Uint8Array, layout: FrameLayout): Beginning {
  const single = singleFrame(layout, pdu);
  if (single !== undefined) return { prefix: single, frames: 1 };
  const { data, taken } = firstFrame(layout, pdu);
  return { prefix: data, frames: 1 + Math.ceil((pdu.length - taken) / consecutiveCapacity(layout)) };
}
