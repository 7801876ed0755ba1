import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { registerBusList } from "./bus-list.ts";
import { registerBusStats } from "./bus-stats.ts";
import { registerBusUp } from "./bus-up.ts";

/** `causeway bus list|stats|up`: works with the daemon down. */
export function registerBus(program: Command, context: CliContext): void {
  const bus = program.command("bus").description("CAN buses");
  registerBusList(bus, context);
  registerBusStats(bus, context);
  registerBusUp(bus, context);
}
