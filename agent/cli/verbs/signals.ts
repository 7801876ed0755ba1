import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { registerDecode } from "./decode.ts";
import { registerWatch } from "./watch.ts";

/** `causeway signals watch|decode`. */
export function registerSignals(program: Command, context: CliContext): void {
  const signals = program.command("signals").description("signal values, live from the agent or from a log");
  registerWatch(signals, context);
  registerDecode(signals, context);
}
