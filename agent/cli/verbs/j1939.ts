import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { registerJ1939Codes } from "./j1939-codes.ts";
import { registerJ1939Nodes } from "./j1939-nodes.ts";
import { registerJ1939Request } from "./j1939-request.ts";

/** `causeway j1939 nodes|dm1|request`, with the daemon running or not; the first two say nothing on the bus. */
export function registerJ1939(program: Command, context: CliContext): void {
  const j1939 = program.command("j1939").description("nodes of a J1939 bus, and what they say of themselves");
  j1939.addHelpText(
    "after",
    "\nBUS is a bus of the configuration, a CAN interface of this host, or socketcand://HOST:PORT/BUS.",
  );
  registerJ1939Nodes(j1939, context);
  registerJ1939Codes(j1939, context);
  registerJ1939Request(j1939, context);
}
