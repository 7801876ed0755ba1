import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { registerDecode } from "./signals-decode.ts";
import { registerGet } from "./signals-get.ts";
import { registerPlot } from "./signals-plot.ts";
import { registerWatch } from "./signals-watch.ts";

/** `causeway signals watch|get|decode|plot`. */
export function registerSignals(program: Command, context: CliContext): void {
  const signals = program.command("signals").description("signal values, live from the agent or from a log");
  registerWatch(signals, context);
  registerGet(signals, context);
  registerDecode(signals, context);
  registerPlot(signals, context);
}
