import { type Command, Option } from "commander";
import type { CliContext } from "../context.ts";
import { type ReadOptions, readValues } from "../diagnostics/obd-read.ts";
import { showReadiness } from "../diagnostics/obd-readiness.ts";
import { showScan } from "../diagnostics/obd-scan.ts";
import { type ObdOptions, withEcus } from "../diagnostics/obd-session.ts";
import { showVehicle } from "../diagnostics/obd-vehicle.ts";

const MANNERS =
  "\nWith a running agent that has the bus, requests go through it and its manners; without one this verb opens the bus.";

/** `causeway obd scan|read|vin|readiness`. */
export function registerObd(program: Command, context: CliContext): void {
  const obd = program.command("obd").description("OBD-II: which control units answer, and what they say");

  asked(obd.command("scan"))
    .description("control units that answer, and the parameters that each of them has")
    .addHelpText(
      "after",
      `${MANNERS}\n\nExample:\n  causeway obd scan --bus can0\n  causeway obd scan --bus can0 --json`,
    )
    .action(async (options: ObdOptions) => withEcus(context, options, (session) => showScan(context, session)));

  asked(obd.command("read [pids...]"))
    .description("live data: by name or number (0x0c); all that the control units have when none is named")
    .option("--freeze", "of the freeze frame that was stored with a trouble code", false)
    .option("--tests", "results of the monitors' tests instead", false)
    .addHelpText(
      "after",
      `${MANNERS}\n\nExample:\n  causeway obd read --bus can0 engine_speed vehicle_speed\n  causeway obd read --bus can0 --ecu engine --freeze`,
    )
    .action(async (pids: string[], options: ObdOptions & ReadOptions) =>
      withEcus(context, options, (session) => readValues(context, session, { ...options, pids })),
    );

  asked(obd.command("vin"))
    .description("vehicle identification number, names, calibrations and their verification numbers")
    .addHelpText("after", `${MANNERS}\n\nExample:\n  causeway obd vin --bus can0`)
    .action(async (options: ObdOptions) => withEcus(context, options, (session) => showVehicle(context, session)));

  asked(obd.command("readiness"))
    .description("malfunction lamp, number of trouble codes, and monitors that have not run to their end")
    .addHelpText(
      "after",
      `${MANNERS}\n\nExit code 2 when a monitor is not complete.\n\nExample:\n  causeway obd readiness --bus can0`,
    )
    .action(async (options: ObdOptions) => withEcus(context, options, (session) => showReadiness(context, session)));
}

function asked(command: Command): Command {
  return command
    .option("--bus <bus>", "bus of the configuration, interface, or socketcand://HOST:PORT/BUS")
    .option("--ecu <ecu>", "only this one: its name, or the id of its answers (0x7e8)")
    .addOption(
      new Option("--addressing <ids>", "ids that are tried").choices(["auto", "11-bit", "29-bit"]).default("auto"),
    );
}
