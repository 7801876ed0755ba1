import type { Log } from "../core/log.ts";
import type { Tunnels } from "../tunnels/tunnels.ts";
import { tunnelAllow, tunnelClose, tunnelList } from "./tunnels-schema.ts";
import type { TunnelsStatus } from "./tunnels-status.ts";
import type { ServedVerb } from "./verb.ts";

const MINUTE_MS = 60_000;

export type TunnelHandlerParts = {
  readonly tunnels: Pick<Tunnels, "close" | "allow">;
  readonly needsConsent: boolean;
  readonly status: () => TunnelsStatus;
  readonly log: Log;
};

/** The same verbs where the configuration has no tunnels: they say so. */
export function noTunnelHandlers(): readonly ServedVerb[] {
  return [
    tunnelList.answeredBy(() => ({ schemaVersion: 1 })),
    tunnelClose.answeredBy(() => ({ schemaVersion: 1, closed: 0 })),
    tunnelAllow.answeredBy(() => ({ schemaVersion: 1, isNeeded: false })),
  ];
}

/** `tunnel.list`, `tunnel.close`, `tunnel.allow`. What changes something is logged before it acts. */
export function tunnelHandlers({ tunnels, needsConsent, status, log }: TunnelHandlerParts): readonly ServedVerb[] {
  return [
    tunnelList.answeredBy(() => ({ schemaVersion: 1, status: status() })),
    tunnelClose.answeredBy(({ id }) => {
      log.warn("admin.tunnel-closed", { tunnel: id });
      const closed = tunnels.close(id, { reason: "closed", detail: "at the vehicle" });
      return { schemaVersion: 1, closed };
    }),
    tunnelAllow.answeredBy(({ minutes }) => {
      log.warn("admin.tunnel-allowed", { minutes });
      tunnels.allow(minutes * MINUTE_MS);
      return { schemaVersion: 1, isNeeded: needsConsent };
    }),
  ];
}
