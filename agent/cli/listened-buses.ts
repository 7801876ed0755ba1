import type { BusConfig } from "../../config/schema.ts";
import { AgentError } from "../core/errors.ts";
import { type FrameTest, parseCandumpFilters } from "../signals/log-formats/candump-filter.ts";
import type { CliContext } from "./context.ts";
import { everyBusName, resolveBus } from "./open-bus.ts";

/** A bus to listen to, and which of its frames are wanted. */
export type ListenedBus = { readonly config: BusConfig; readonly wants: FrameTest };

/**
 * The buses of arguments as candump takes them: `NAME[,FILTER...]`, several of them, or `any` for every CAN interface of this host
 * (for every bus of the configuration where the host has none). Without a filter error frames come through too. Throws `bus.unknown`,
 * and `usage.invalid` for what is no filter.
 */
export async function listenedBuses(context: CliContext, given: readonly string[]): Promise<readonly ListenedBus[]> {
  const buses: ListenedBus[] = [];
  for (const argument of given) {
    const [name, ...filters] = argument.split(",");
    const wants = filters.length === 0 ? () => true : parseCandumpFilters(filters);
    if (typeof wants === "string") {
      throw new AgentError("usage.invalid", {
        what: `${argument}: ${wants}`,
        remedy: "for example can0,123:7FF,400:700,#FFFFFFFF",
      });
    }
    for (const one of name === "any" ? await everyBusName(context) : [name]) {
      buses.push({ config: await resolveBus(context, one), wants });
    }
  }
  return buses;
}
