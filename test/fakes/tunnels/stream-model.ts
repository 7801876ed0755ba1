import type { TunnelFrame } from "../../../agent/tunnels/frames.ts";
import type { StreamEffect, StreamSettings } from "../../../agent/tunnels/streams.ts";

/** What happens to a destination: a frame comes, or the local side of the n-th connection that it opened ends. */
export type StreamEvent = { readonly frame: TunnelFrame } | { readonly ends: number };

type Live = { readonly number: number; readonly service: string; readonly stream: number; readonly id: number };

/**
 * Which connections are open after these events, by the rules as the protocol guide tells them: every rule is a filter over a list, and
 * nothing is kept but that list and the newest stream of each service. Connections are numbered from 1 in the order of their opening.
 */
export function openAfter(events: readonly StreamEvent[], settings: StreamSettings): readonly number[] {
  let live: readonly Live[] = [];
  let streams: readonly { readonly service: string; readonly stream: number }[] = [];
  let named = settings.services;
  let opened = 0;
  const nameOf = ({ serviceId }: TunnelFrame): string =>
    serviceId === "" && named.length === 1 ? (named[0] ?? "") : serviceId;
  const isLive = (frame: TunnelFrame): boolean =>
    streams.some(({ service, stream }) => service === nameOf(frame) && stream === frame.streamId);
  const connections = new Map<number, { readonly hasId: boolean; readonly of: Live }>();
  const open = (service: string, stream: number, given: number): boolean => {
    if (live.length >= settings.maxConnections) return false;
    opened += 1;
    const of = { number: opened, service, stream, id: given === 0 ? 1 : given };
    connections.set(opened, { hasId: given !== 0, of });
    live = [...live, of];
    return true;
  };
  const forget = (service: string): void => {
    live = live.filter((one) => one.service !== service);
    streams = streams.filter((one) => one.service !== service);
  };
  for (const event of events) {
    if ("ends" in event) {
      const ended = connections.get(event.ends);
      if (ended === undefined || !live.includes(ended.of)) continue;
      if (settings.protocol === 3 && ended.hasId) live = live.filter((one) => one !== ended.of);
      else forget(ended.of.service);
      continue;
    }
    const { frame } = event;
    const service = nameOf(frame);
    switch (frame.type) {
      case "SESSION_RESET":
        live = [];
        streams = [];
        break;
      case "STREAM_START":
        if (frame.streamId <= 0 || !settings.services.includes(service)) break;
        forget(service);
        streams = [...streams, { service, stream: frame.streamId }];
        if (!open(service, frame.streamId, frame.connectionId) && (settings.protocol < 3 || frame.connectionId === 0)) {
          forget(service);
        }
        break;
      case "CONNECTION_START":
        if (settings.protocol < 3 || frame.connectionId === 0) break;
        if (!isLive(frame)) {
          // As the local proxy has it since 2026-03-01: it begins a stream where there is none.
          const isFree = frame.streamId > 0 && !streams.some((one) => one.service === service);
          if (!isFree || !settings.services.includes(service)) break;
          streams = [...streams, { service, stream: frame.streamId }];
        }
        if (live.some((one) => one.service === service && one.id === frame.connectionId)) {
          live = live.filter((one) => one.service !== service || one.id !== frame.connectionId);
        } else open(service, frame.streamId, frame.connectionId);
        break;
      case "STREAM_RESET":
        if (isLive(frame)) forget(service);
        break;
      case "CONNECTION_RESET":
        if (!isLive(frame)) break;
        live = live.filter((one) => one.service !== service || one.id !== (frame.connectionId || 1));
        break;
      case "SERVICE_IDS": {
        const ids = frame.availableServiceIds;
        if (settings.protocol === 1 || !ids.every((id) => settings.services.includes(id))) break;
        named = ids.length === 0 ? settings.services : ids;
        break;
      }
      case "DATA":
        break;
    }
  }
  return live.map(({ number }) => number);
}

/** What is wrong with something that a destination does, by the protocol guide; `chosen`: the stream ids of the source so far. */
export function wrongWith(effect: StreamEffect, chosen: ReadonlySet<number>, protocol: number): string | undefined {
  if (effect.kind !== "send") return undefined;
  const { type, streamId, connectionId, payload } = effect.frame;
  if (type !== "DATA" && type !== "STREAM_RESET" && type !== "CONNECTION_RESET") return `sends ${type}`;
  if (type === "CONNECTION_RESET" && protocol < 3) return `CONNECTION_RESET in V${protocol}`;
  if (streamId <= 0 || !chosen.has(streamId)) return `stream id ${streamId}`;
  if (type === "CONNECTION_RESET" && connectionId === 0) return "a reset of no connection";
  return payload.length > 64_512 ? `${payload.length} bytes` : undefined;
}
