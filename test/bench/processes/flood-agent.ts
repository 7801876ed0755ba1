import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod";
import { createFrameReader } from "../../../agent/tunnels/frames.ts";
import { Tunnels } from "../../../agent/tunnels/tunnels.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { openLoopback } from "../../../drivers/net/loopback.ts";
import { createTunnelDialer } from "../../../drivers/net/tunnel-socket.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { floodAgentOptions } from "../benchmarks/tunnel-flood.ts";
import { emit, onCommands } from "../core/line-protocol.ts";

const options = floodAgentOptions.parse(JSON.parse(process.argv[2] ?? "{}"));
const log = { error: nothing, warn: nothing, info: nothing, debug: nothing };
let ends: Record<string, number> = {};
let records = 0;
const tunnels = new Tunnels({
  settings: {
    services: new Map(Object.entries(options.services)),
    regions: ["bench"],
    endpoint: options.endpoint,
    bounds: { maxMs: 600_000, idleMs: 600_000 },
    maxTunnels: 1,
    maxStreams: 8,
    needsConsent: false,
    endsWhenDriving: false,
  },
  dial: createTunnelDialer({
    ca: readFileSync(options.caFile, "utf8"),
    proxyFor: () => undefined,
    handshakeMs: 5000,
    pingMs: options.pingMs,
  }),
  local: { readFrame: createFrameReader(readDescriptor("tunnel")), openLocal: openLoopback },
  vehicle: { isDriving: () => undefined, link: { heldBy: () => undefined, spent: () => undefined } },
  record: ({ event, reason, detail }) => {
    records += 1;
    if (event !== "ended") return;
    const why = `${reason}: ${detail}`;
    ends[why] = (ends[why] ?? 0) + 1;
    open();
  },
  token: randomUUID,
  random: Math.random,
  runtime: { clock: systemClock(), log },
});

function nothing(): void {}

/** Somebody opens another one as soon as one is over. */
function open(): void {
  setImmediate(() => {
    tunnels.open({ accessToken: randomUUID(), region: "bench", services: undefined, minutes: undefined }, "command");
  });
}

onCommands(z.literal("sample"), () => {
  globalThis.gc?.();
  const { rss, heapUsed } = process.memoryUsage();
  const peakRssBytes = process.resourceUsage().maxRSS * 1024;
  const { opened } = tunnels.counts();
  emit({ rssBytes: rss, heapBytes: heapUsed, peakRssBytes, opened, records, ends });
  ends = {};
});
open();
