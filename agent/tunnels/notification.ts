import { z } from "zod";
import type { TunnelRequest, Tunnels } from "./tunnels.ts";

/** Longest notification that is read, bytes: a token, a region and names. */
const MAX_BYTES = 8192;

/** What the service publishes when somebody opens a tunnel for this thing (AWS IoT Developer Guide, "Configure a remote device"). */
const notificationSchema = z.object({
  clientAccessToken: z.string().regex(/^[\x21-\x7e]{1,2048}$/),
  clientMode: z.string(),
  region: z.string().max(32),
  services: z.array(z.string().min(1).max(128)).max(64).optional(),
});

/** The topic on which the service tells a thing of its tunnels. */
export function notifyTopic(thing: string): string {
  return `$aws/things/${thing}/tunnels/notify`;
}

/** What a notification asks for; undefined for one that is none, or is not for a destination. */
export function readNotification(payload: Uint8Array): TunnelRequest | undefined {
  if (payload.length > MAX_BYTES) return undefined;
  const parsed = notificationSchema.safeParse(jsonOf(payload));
  if (!parsed.success || parsed.data.clientMode !== "destination") return undefined;
  const { clientAccessToken: accessToken, region, services } = parsed.data;
  return { accessToken, region, services, minutes: undefined };
}

/**
 * Opens a tunnel for a notification where `forbidden` gives nothing: why the policy does not take it. It is asked once for each that is
 * one, so that it may count them.
 */
export function takeNotification(
  payload: Uint8Array,
  tunnels: Pick<Tunnels, "open" | "refuse">,
  forbidden: () => string | undefined,
): void {
  const request = readNotification(payload);
  const why = request === undefined ? "what came is no notification for a destination" : forbidden();
  if (request !== undefined && why === undefined) tunnels.open(request, "notification");
  else tunnels.refuse({ kind: "refused", cause: "policy", detail: why ?? "" }, "notification", request);
}

function jsonOf(payload: Uint8Array): unknown {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
    return parsed;
  } catch {
    // What a broker delivers may be anything.
    return undefined;
  }
}
