import type { InterfaceCount } from "../../ports/network-state.ts";

/** What went over all interfaces between two reports, with the service's names. */
export type Traffic = {
  readonly bytes_in: number;
  readonly bytes_out: number;
  readonly packets_in: number;
  readonly packets_out: number;
};

/**
 * The sums of `now` less those of `before`. An interface that is new, or of which a counter went back as it was made anew or has wrapped, is
 * left out: nobody knows what went over it. Undefined where that leaves none.
 */
export function trafficBetween(before: readonly InterfaceCount[], now: readonly InterfaceCount[]): Traffic | undefined {
  const earlier = new Map(before.map((counts) => [counts.name, counts]));
  const deltas = now.flatMap((counts) => {
    const last = earlier.get(counts.name);
    const delta = last === undefined ? undefined : deltaOf(last, counts);
    return delta !== undefined && Object.values(delta).every((value) => value >= 0) ? [delta] : [];
  });
  if (deltas.length === 0) return undefined;
  return deltas.reduce((sum, delta) => ({
    bytes_in: sum.bytes_in + delta.bytes_in,
    bytes_out: sum.bytes_out + delta.bytes_out,
    packets_in: sum.packets_in + delta.packets_in,
    packets_out: sum.packets_out + delta.packets_out,
  }));
}

function deltaOf(last: InterfaceCount, now: InterfaceCount): Traffic {
  return {
    bytes_in: now.bytesIn - last.bytesIn,
    bytes_out: now.bytesOut - last.bytesOut,
    packets_in: now.packetsIn - last.packetsIn,
    packets_out: now.packetsOut - last.packetsOut,
  };
}
