import type { TunnelEvent } from "../../../agent/telemetry/record/encode/tunnel-event.ts";

/** A record of a tunnel in one line, for a test that compares lines. */
export function recordText(event: TunnelEvent): string {
  return `tunnel.${event.event} ${detailOf(event)}`;
}

function detailOf({ event, number, origin, services, region, reason, detail, ...rest }: TunnelEvent): string {
  const { bytesIn, bytesOut, lastedMs, counts } = rest;
  const moved = `${bytesIn} bytes in, ${bytesOut} out`;
  const of = `tunnel ${number}, ${services.join(" and ")}`;
  switch (event) {
    case "opened":
      return `tunnel ${number} by ${origin}, ${services.join(" and ")}, region ${region}`;
    case "refused":
      return `by ${origin}: ${detail}`;
    case "connection-opened":
      return of;
    case "connection-ended":
      return `${of}, ${moved}${detail === "" ? "" : `, ${detail}`}`;
    case "ended": {
      const why = detail === "" ? reason : `${reason} (${detail})`;
      const { connections = 0, connects = 0, refused = 0, ignored = 0, untold = 0 } = counts ?? {};
      const vain = refused + ignored === 0 ? "" : `, ${refused} connections refused, ${ignored} frames passed over`;
      const more = untold === 0 ? "" : `, ${untold} records of connections not made`;
      const after = `after ${Math.round(lastedMs / 1000)} s`;
      return `tunnel ${number}, ${why} ${after}: connections ${connections}, WebSockets ${connects}, ${moved}${vain}${more}`;
    }
  }
}
