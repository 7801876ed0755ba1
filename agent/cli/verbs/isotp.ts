import type { Command } from "commander";
import { AgentError } from "../../core/errors.ts";
import type { CliContext } from "../context.ts";
import { addIds, addSettings, conversationOf, type IsoTpOptions } from "../diagnostics/isotp-options.ts";
import { openIsoTp } from "../diagnostics/open-isotp.ts";
import { runningTester } from "../diagnostics/open-tester.ts";
import { pduPrinter } from "../diagnostics/pdu-printer.ts";
import { ENDLESS_SECONDS } from "../listening-time.ts";
import { optionalConfig } from "../open-bus.ts";
import { registerIsotpDump } from "./isotp-dump.ts";
import { registerIsotpSend } from "./isotp-send.ts";

type ReceiveOptions = IsoTpOptions & { readonly loop: boolean };

/** `causeway isotp send|recv|dump`: works with the daemon down. */
export function registerIsotp(program: Command, context: CliContext): void {
  const isotp = program
    .command("isotp")
    .description("PDUs of ISO-TP (ISO 15765-2), in and out, with the letters of can-utils");
  isotp.addHelpText(
    "after",
    "\nBUS is a bus of the configuration, a CAN interface of this host, or socketcand://HOST:PORT/BUS.",
  );

  registerIsotpSend(isotp, context);

  addSettings(addIds(isotp.command("recv <bus>")))
    .description("take a PDU and print it in hexadecimal; its flow is controlled with frames of ours")
    .option("-l, --loop", "take PDUs until Ctrl-C", false)
    .addHelpText(
      "after",
      "\nExample:\n  causeway isotp recv can0 -s 7E8 -d 7E0 -l\n  causeway isotp recv can0 -s 7E8 -d 7E0 -b 8 -m a --json",
    )
    .action(async (bus: string, options: ReceiveOptions) => receive(context, bus, options));

  registerIsotpDump(isotp, context);
}

async function receive(context: CliContext, named: string, options: ReceiveOptions): Promise<void> {
  const { address, settings } = conversationOf(options);
  if ((await runningTester(context, await optionalConfig(context), named)) !== undefined) throw besideAgent(named);
  const open = await openIsoTp(context, named);
  const printer = pduPrinter(context, open.bus);
  const end = new AbortController();
  let fault: AgentError | undefined;
  try {
    open.isotp.open(address, settings, {
      onPdu: (pdu, receivedAtUs) => {
        if (end.signal.aborted) return;
        printer.onPdu(pdu, receivedAtUs);
        if (!options.loop) end.abort();
      },
      onFault: (told) => {
        if (options.loop) printer.onFault(told);
        else fault ??= told;
        if (!options.loop) end.abort();
      },
    });
    await context.clock.sleep(ENDLESS_SECONDS * 1000, AbortSignal.any([context.signal, end.signal]));
  } finally {
    await open.stop();
  }
  if (fault !== undefined) throw fault;
}

/** The agent would take our flow control for that of another tester, and a control unit get two. */
function besideAgent(bus: string): AgentError {
  return new AgentError("bus.transmit-forbidden", {
    what: `${bus}: the running agent asks control units on it, and what is received here would be answered beside it`,
    remedy: "look on with causeway isotp dump, or stop the agent first",
  });
}
