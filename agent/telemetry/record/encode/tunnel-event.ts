import type { ProtobufWriter } from "./protobuf-writer.ts";

/** Field numbers of config/proto/telemetry.proto. */
const TUNNEL = {
  event: 1,
  tunnel: 2,
  number: 3,
  origin: 4,
  services: 5,
  region: 6,
  connection: 7,
  bytesIn: 8,
  bytesOut: 9,
  lastedMs: 10,
  reason: 11,
  detail: 12,
  counts: 13,
  untold: 14,
  timeUs: 15,
} as const;
const COUNTS = { connections: 1, connects: 2, refused: 3, ignored: 4, untold: 5 } as const;
/** UTF-16 units of each text that others have a hand in; what is longer is cut. */
const MAX_TEXT = 256;
/** What is beyond is left out; a tunnel has no more than a request may name. */
const MAX_SERVICES = 64;

/** What can happen to a tunnel, as records tell it. */
export const TUNNEL_EVENTS = ["opened", "refused", "connection-opened", "connection-ended", "ended"] as const;

/** A tunnel of support, and what went through it. What does not belong to an event is 0 or "". */
export type TunnelEvent = {
  readonly event: (typeof TUNNEL_EVENTS)[number];
  /** Digest of its access token, 16 hexadecimal digits. */
  readonly tunnel: string;
  /** Counts from 1 since the start of the agent. */
  readonly number: number;
  /** command or notification. */
  readonly origin: string;
  readonly services: readonly string[];
  readonly region: string;
  /** Counts from 1 within the tunnel. */
  readonly connection: number;
  /** To local services, without what is around them. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly lastedMs: number;
  readonly reason: string;
  /** For people. */
  readonly detail: string;
  /** Of the whole tunnel, at its end. */
  readonly counts: TunnelTotals | undefined;
  /** Refusals before this one that no record tells of. */
  readonly untold: number;
  /** µs since the Unix epoch. */
  readonly timeUs: number;
};

/** Of a tunnel that is over. */
export type TunnelTotals = {
  readonly connections: number;
  /** WebSockets. */
  readonly connects: number;
  /** Connections asked for in vain. */
  readonly refused: number;
  /** Frames that belong to no connection. */
  readonly ignored: number;
  /** Records of connections that were not made. */
  readonly untold: number;
};

/** Writes the `TunnelEvent` message as field `field`. */
export function writeTunnelEvent(writer: ProtobufWriter, field: number, event: TunnelEvent): void {
  writer.begin(field, 512);
  writer.stringField(TUNNEL.event, event.event);
  writer.stringField(TUNNEL.tunnel, event.tunnel);
  writer.uintField(TUNNEL.number, event.number);
  writer.stringField(TUNNEL.origin, event.origin);
  for (const name of event.services.slice(0, MAX_SERVICES)) {
    writer.presentStringField(TUNNEL.services, name.slice(0, MAX_TEXT));
  }
  writer.stringField(TUNNEL.region, event.region.slice(0, MAX_TEXT));
  writer.uintField(TUNNEL.connection, event.connection);
  writer.uintField(TUNNEL.bytesIn, event.bytesIn);
  writer.uintField(TUNNEL.bytesOut, event.bytesOut);
  writer.uintField(TUNNEL.lastedMs, event.lastedMs);
  writer.stringField(TUNNEL.reason, event.reason);
  writer.stringField(TUNNEL.detail, event.detail.slice(0, MAX_TEXT));
  if (event.counts !== undefined) writeCounts(writer, event.counts);
  writer.uintField(TUNNEL.untold, event.untold);
  writer.sintField(TUNNEL.timeUs, event.timeUs);
  writer.end();
}

function writeCounts(writer: ProtobufWriter, counts: TunnelTotals): void {
  writer.begin(TUNNEL.counts, 64);
  writer.uintField(COUNTS.connections, counts.connections);
  writer.uintField(COUNTS.connects, counts.connects);
  writer.uintField(COUNTS.refused, counts.refused);
  writer.uintField(COUNTS.ignored, counts.ignored);
  writer.uintField(COUNTS.untold, counts.untold);
  writer.end();
}
