import { randomUUID } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProxyRule } from "../../../agent/ports/http-proxy.ts";
import { createFrameReader } from "../../../agent/tunnels/frames.ts";
import { type TunnelSettings, Tunnels } from "../../../agent/tunnels/tunnels.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { openLoopback } from "../../../drivers/net/loopback.ts";
import { createTunnelDialer } from "../../../drivers/net/tunnel-socket.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { createAuthority } from "../../bench/cloud/certificate-authority.ts";
import { TunnelRelay } from "../../bench/cloud/tunnel-relay.ts";
import { MemoryLog } from "../core/log.ts";
import { recordText } from "./record-text.ts";

/** A relay, and tunnels to it as the agent makes them: the real WebSocket, TLS and loopback sockets, the machine's clock. */
export type TunnelRig = {
  readonly folder: string;
  readonly relay: TunnelRelay;
  /** Of the relay's certificate. */
  readonly caFile: string;
  readonly log: MemoryLog;
  /** Records, in a line each. */
  readonly records: readonly string[];
  /** Tunnels to local ports by service. */
  tunnels(services: ReadonlyMap<string, number>, change?: Partial<TunnelSettings>, proxyFor?: ProxyRule): Tunnels;
  stop(): Promise<void>;
};

/** `pingMs` is between two pings to the relay. */
export async function startTunnelRig(pingMs = 20_000): Promise<TunnelRig> {
  const folder = await mkdtemp(join(tmpdir(), "causeway-tunnel-"));
  const authority = createAuthority(join(folder, "ca"));
  const { certificatePem, privateKeyPem = "" } = await authority.issue({
    commonName: "relay",
    usage: "server",
    subjectAltNames: [{ kind: "dns", value: "localhost" }],
  });
  const relay = await TunnelRelay.start({ certificatePem, privateKeyPem });
  const ca = await readFile(authority.caFile, "utf8");
  const readFrame = createFrameReader(readDescriptor("tunnel"));
  const records: string[] = [];
  const log = new MemoryLog();
  const made: Tunnels[] = [];
  return {
    folder,
    relay,
    caFile: authority.caFile,
    log,
    records,
    tunnels: (services, change = {}, proxyFor = () => undefined) => {
      const tunnels = new Tunnels({
        settings: {
          services,
          regions: ["eu-central-1"],
          endpoint: `localhost:${relay.port}`,
          bounds: { maxMs: 600_000, idleMs: 600_000 },
          maxTunnels: 4,
          maxStreams: 8,
          needsConsent: false,
          endsWhenDriving: false,
          ...change,
        },
        dial: createTunnelDialer({ ca, proxyFor, handshakeMs: 5000, pingMs }),
        local: { readFrame, openLocal: openLoopback },
        vehicle: { isDriving: () => undefined, link: { heldBy: () => undefined, spent: () => undefined } },
        record: (event) => records.push(recordText(event)),
        token: randomUUID,
        random: Math.random,
        runtime: { clock: systemClock(), log },
      });
      made.push(tunnels);
      return tunnels;
    },
    stop: async () => {
      for (const tunnels of made) await tunnels.stop();
      await relay.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
