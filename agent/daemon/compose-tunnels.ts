import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { readDescriptor } from "../../config/proto/descriptor.ts";
import type { AgentConfig, TunnelsConfig } from "../../config/schema.ts";
import { openLoopback } from "../../drivers/net/loopback.ts";
import { createTunnelDialer } from "../../drivers/net/tunnel-socket.ts";
import type { Authority } from "../commands/authority.ts";
import { AgentError, messageOf } from "../core/errors.ts";
import { tunnelHandlers } from "../local-api/tunnels-handlers.ts";
import type { TunnelsStatus } from "../local-api/tunnels-status.ts";
import type { Broker } from "../ports/broker.ts";
import { createFrameReader } from "../tunnels/frames.ts";
import { notifyTopic, takeNotification } from "../tunnels/notification.ts";
import { openTunnel } from "../tunnels/open-tunnel.ts";
import { tunnelLink } from "../tunnels/tunnel-link.ts";
import { type TunnelSettings, Tunnels } from "../tunnels/tunnels.ts";
import { composeProxy } from "./compose-proxy.ts";
import type { DataLine, LinkLine, Runtime, Sleep, TunnelLine, VehicleLine } from "./parts.ts";

const MINUTE_MS = 60_000;
/** TCP, TLS and the handshake over a bad link; the service closes what says nothing for an hour, a carrier's NAT for a few minutes. */
const SOCKET_TIMES = { handshakeMs: 20_000, pingMs: 20_000 } as const;

type TunnelAuthority = Pick<Authority, "judgeUnsigned" | "use">;

export type TunnelLineParts = {
  readonly settings: TunnelsConfig;
  readonly config: Pick<AgentConfig, "thingName" | "proxy">;
  readonly broker: Pick<Broker, "subscribe">;
  readonly line: Pick<DataLine, "records">;
  readonly vehicle: VehicleLine | undefined;
  readonly sleep: Sleep | undefined;
  readonly links: Pick<LinkLine, "links" | "budget"> | undefined;
};

/** The part of the composition root that wires tunnels. Throws `config.invalid` for a CA file that cannot be read. */
export async function composeTunnels(parts: TunnelLineParts, runtime: Runtime): Promise<TunnelLine> {
  const { settings, config, broker, line, vehicle, sleep, links } = parts;
  const { environment, clock, log, random } = runtime;
  const dial = createTunnelDialer({
    ca: await certificatesOf(settings),
    proxyFor: composeProxy({ config, environment }),
    ...SOCKET_TIMES,
  });
  const states = vehicle?.states;
  const tunnels = new Tunnels({
    settings: settingsOf(settings),
    dial,
    local: { readFrame: createFrameReader(readDescriptor("tunnel")), openLocal: openLoopback },
    vehicle: {
      isDriving: () => (states === undefined ? undefined : states.now().state === "driving"),
      link: tunnelLink(settings.metered, links),
    },
    record: (event) => line.records.tunnelEvents.handOver([event]),
    token: randomUUID,
    random,
    runtime: { clock, log },
  });
  sleep?.keeper.addHold(() => (tunnels.list().length > 0 ? "a tunnel is open" : undefined));
  let problem: string | undefined;
  const status = (): TunnelsStatus => ({
    open: tunnels.list(),
    allowedMs: tunnels.consentMs(),
    ...tunnels.counts(),
    problem,
  });
  let authority: TunnelAuthority | undefined;
  const forbidden = (): string | undefined => whyForbidden(authority);
  const topic = notifyTopic(config.thingName);
  const stops: (() => void)[] = [];
  return {
    judgeBy: (by) => {
      authority = by;
    },
    actions: [openTunnel(tunnels)],
    verbs: tunnelHandlers({ tunnels, needsConsent: settings.consent, status, log }),
    status,
    service: {
      name: "tunnels",
      start: async () => {
        const stop = states?.onChange(({ state }) => (state === "driving" ? tunnels.driving() : undefined));
        if (stop !== undefined) stops.push(stop);
        if (!settings.notify) return;
        // A broker that refuses it leaves the rest of the agent as it is; it may be long before there is one.
        broker
          .subscribe(topic, ({ payload }) => takeNotification(payload, tunnels, forbidden))
          .catch((thrown: unknown) => {
            problem = messageOf(thrown);
            log.error("tunnel.subscription-refused", { topic, what: problem });
          });
      },
      stop: async () => {
        for (const stop of stops.splice(0)) stop();
        await tunnels.stop();
      },
    },
  };
}

/** What stands in the policy against a tunnel that nobody has signed; where nothing does, it is one of the rule's rate. */
function whyForbidden(authority: TunnelAuthority | undefined): string | undefined {
  if (authority === undefined) return "no remote commands are taken, so that no policy allows it";
  const judged = authority.judgeUnsigned("tunnel.notify");
  if (judged.kind === "rejected") return judged.description;
  authority.use(judged);
  return undefined;
}

function settingsOf(settings: TunnelsConfig): TunnelSettings {
  const { services, regions, endpoint, maxMinutes, idleMinutes, maxTunnels, maxStreams, consent } = settings;
  return {
    services: new Map(Object.entries(services)),
    regions,
    endpoint,
    bounds: { maxMs: maxMinutes * MINUTE_MS, idleMs: idleMinutes * MINUTE_MS },
    maxTunnels,
    maxStreams,
    needsConsent: consent,
    endsWhenDriving: settings.endWhenDriving,
  };
}

async function certificatesOf({ caFile }: TunnelsConfig): Promise<string | undefined> {
  if (caFile === undefined) return undefined;
  try {
    return await readFile(caFile, "utf8");
  } catch (thrown) {
    throw new AgentError("config.invalid", {
      what: `tunnels.caFile: cannot read ${caFile}: ${messageOf(thrown)}`,
      remedy: "give the root certificates of the service, or leave it out for those of well-known authorities",
      cause: thrown,
    });
  }
}
