import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { registerUdsCodes } from "./uds-dtc.ts";
import { registerUdsEcus } from "./uds-ecus.ts";
import { registerUdsRead } from "./uds-read.ts";

/** `causeway uds`: reads control units of the catalogue, through the running agent or without it. */
export function registerUds(program: Command, context: CliContext): void {
  const uds = program.command("uds").description("control units by UDS (ISO 14229), as the catalogue describes them");
  uds.addHelpText(
    "after",
    "\nRequests go through the running agent and its manners; without it BUS is opened with the manners of the configuration.\nBUS is a bus of the configuration, a CAN interface of this host, or socketcand://HOST:PORT/BUS.",
  );
  registerUdsEcus(uds, context);
  registerUdsRead(uds, context);
  registerUdsCodes(uds, context);
}
