import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { registerCanConvert } from "./can-convert.ts";
import { registerCanGen } from "./can-gen.ts";
import { registerCanLoad } from "./can-load.ts";
import { registerCanLogs } from "./can-logs.ts";
import { registerCanReceive } from "./can-receive.ts";
import { registerCanReplay } from "./can-replay.ts";
import { registerCanSend } from "./can-send.ts";
import { registerCanSniff } from "./can-sniff.ts";

/** `causeway can dump|record|send|gen|load|sniff|replay|convert|logs`: works with the daemon down. */
export function registerCan(program: Command, context: CliContext): void {
  const can = program.command("can").description("frames of a bus, in and out, and logs of them");
  can.addHelpText(
    "after",
    "\nBUS is a bus of the configuration, a CAN interface of this host, or socketcand://HOST:PORT/BUS.",
  );
  registerCanReceive(can, context);
  registerCanSend(can, context);
  registerCanGen(can, context);
  registerCanLoad(can, context);
  registerCanSniff(can, context);
  registerCanReplay(can, context);
  registerCanConvert(can, context);
  registerCanLogs(can, context);
}
