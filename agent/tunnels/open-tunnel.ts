import { z } from "zod";
import type { Action, Outcome } from "../commands/action.ts";
import { invalidArguments } from "../commands/actions/prepare.ts";
import { type CommandRejection, rejected } from "../commands/answer.ts";
import type { TunnelRefusal, Tunnels } from "./tunnels.ts";

/** The first WebSocket has so long; after that the tunnel is closed, and the command has failed. */
const TIMEOUT_MS = 45_000;

const serviceName = z.string().min(1).max(128);

/** A client access token is opaque; it goes into a header. */
const accessToken = z.string().regex(/^[\x21-\x7e]{1,2048}$/, "must be an access token");

const argumentsSchema = z.strictObject({
  token: accessToken,
  region: z.string().min(1).max(32),
  /** A text with commas in the flavours whose arguments are no lists. */
  services: z
    .union([
      z.array(serviceName).max(64),
      z
        .string()
        .max(1024)
        .transform((text) => text.split(",")),
    ])
    .optional(),
  minutes: z.int().min(1).max(720).optional(),
});

/** `tunnel.open`: opens a tunnel with the access token of its destination. It has succeeded when the service has taken that. */
export function openTunnel(tunnels: Pick<Tunnels, "open" | "refusalNow">): Action {
  return {
    name: "tunnel.open",
    summary: "support reaches services of this gateway through the cloud",
    commandClass: "R2",
    keyRole: "commands",
    endsInRestart: false,
    uses: ["tunnel.open"],
    timeoutMs: TIMEOUT_MS,
    prepare: (given) => {
      const parsed = argumentsSchema.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const { token, region, services, minutes } = parsed.data;
      const unsafe = (): CommandRejection | undefined => {
        const refusal = tunnels.refusalNow(services, "command");
        return refusal === undefined ? undefined : rejectionOf(refusal);
      };
      const run = async (signal: AbortSignal): Promise<Outcome> => {
        const opened = tunnels.open({ accessToken: token, region, services, minutes }, "command");
        if ("kind" in opened) return rejectionOf(opened);
        const { promise, resolve } = Promise.withResolvers<"aborted">();
        signal.addEventListener("abort", () => resolve("aborted"), { once: true });
        const end = await Promise.race([opened.connected, promise]);
        if (end === undefined) return { kind: "done", result: {} };
        if (end === "aborted") opened.close({ reason: "closed", detail: "the service was not reached in time" });
        const description = end === "aborted" ? "the service was not reached in time" : `${end.reason} ${end.detail}`;
        return { kind: "failed", code: "UNAVAILABLE", description };
      };
      return { kind: "prepared", unsafe, run };
    },
  };
}

function rejectionOf({ cause, detail }: TunnelRefusal): CommandRejection {
  if (cause === "busy") return rejected("BUSY", detail);
  const isState = cause === "driving" || cause === "consent" || cause === "link" || cause === "policy";
  return rejected(isState ? "PRECONDITION_FAILED" : "ARGUMENT_OUT_OF_RANGE", detail);
}
