import type { TunnelEvent } from "../../../agent/telemetry/record/encode/tunnel-event.ts";
import { createFrameReader } from "../../../agent/tunnels/frames.ts";
import { type TunnelRequest, type TunnelSettings, Tunnels } from "../../../agent/tunnels/tunnels.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";
import { recordText } from "./record-text.ts";
import { FakeTunnelService, fakeLocals } from "./service.ts";

const MINUTE_MS = 60_000;
/** The token of every request; it is to be in nothing that the agent tells. */
export const TOKEN = "CANARY-access-token";
export const REQUEST: TunnelRequest = {
  accessToken: TOKEN,
  region: "eu-central-1",
  services: undefined,
  minutes: undefined,
};
const readFrame = createFrameReader(readDescriptor("tunnel"));

/** All tunnels of a vehicle, with the service, the local services, the time and what is recorded in the hands of the test. */
export function tunnelsRig(change: Partial<TunnelSettings> = {}) {
  const clock = new ManualClock();
  const log = new MemoryLog();
  const service = new FakeTunnelService();
  const { locals, openLocal } = fakeLocals();
  const records: string[] = [];
  const events: TunnelEvent[] = [];
  const vehicle: { isDriving: boolean | undefined; held: string | undefined; readonly spent: number[] } = {
    isDriving: undefined,
    held: undefined,
    spent: [],
  };
  let tokens = 0;
  const tunnels = new Tunnels({
    settings: {
      services: new Map([
        ["SSH", 22],
        ["VNC", 5900],
      ]),
      regions: ["eu-central-1"],
      endpoint: "data.{region}.example:8443",
      bounds: { maxMs: 60 * MINUTE_MS, idleMs: 10 * MINUTE_MS },
      maxTunnels: 1,
      maxStreams: 2,
      needsConsent: false,
      endsWhenDriving: false,
      ...change,
    },
    dial: service.dial,
    local: { readFrame, openLocal },
    vehicle: {
      isDriving: () => vehicle.isDriving,
      link: { heldBy: () => vehicle.held, spent: (bytes) => vehicle.spent.push(bytes) },
    },
    record: (event) => {
      events.push(event);
      records.push(recordText(event));
    },
    token: () => `token-${++tokens}`,
    random: () => 0.5,
    runtime: { clock, log },
  });
  return { clock, log, service, locals, records, events, vehicle, tunnels };
}

/** Opens one, and gives its first WebSocket. */
export async function opened(one: ReturnType<typeof tunnelsRig>, request: TunnelRequest = REQUEST) {
  const tunnel = one.tunnels.open(request, "command");
  if ("kind" in tunnel) throw new Error(tunnel.detail);
  await one.clock.run(0);
  const [socket] = one.service.sockets;
  if (socket === undefined) throw new Error("nothing was connected");
  return { tunnel, socket };
}
