import { type Command, InvalidArgumentError } from "commander";
import { AgentError } from "../../core/errors.ts";
import type { IsoTpSink } from "../../ports/isotp.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { addIds, addSettings, conversationOf, type IsoTpOptions } from "../diagnostics/isotp-options.ts";
import { openIsoTp } from "../diagnostics/open-isotp.ts";
import { readInput } from "../input-file.ts";
import { registerIsotpDump } from "./isotp-dump.ts";

/** Longest text of a PDU on stdin: the bytes of DEFAULT_ISOTP with a blank each, and some to spare. */
const MAX_TEXT_BYTES = 262_144;
/** A week: long enough for a person, and within what a timer can hold. */
const ENDLESS_MS = 604_800_000;

type SendOptions = IsoTpOptions & { readonly wait?: number; readonly functional: boolean };
type ReceiveOptions = IsoTpOptions & { readonly loop: boolean };

/** `causeway isotp send|recv|dump`: works with the daemon down. */
export function registerIsotp(program: Command, context: CliContext): void {
  const isotp = program
    .command("isotp")
    .description("PDUs of ISO-TP (ISO 15765-2), in and out, with the letters of can-utils");
  isotp.addHelpText(
    "after",
    "\nBUS is a bus of the configuration, a CAN interface of this host, or socketcand://HOST:PORT/BUS.\nWhat is sent here goes past the manners of a running agent: causeway obd and causeway uds keep them.",
  );

  addSettings(addIds(isotp.command("send <bus> [pdu...]")))
    .description("send one PDU, given in hexadecimal or on stdin")
    .option("-w, --wait <ms>", "print the PDUs that come in this time", milliseconds)
    .option("--functional", "one single frame to many; nobody controls its flow", false)
    .addHelpText(
      "after",
      "\nExample:\n  causeway isotp send can0 -s 7E0 -d 7E8 -p cc --wait 1000 09 02\n  causeway isotp send socketcand://127.0.0.1:29536/can0 -s 18DA10F1 -d 18DAF110 22F190",
    )
    .action(async (bus: string, words: readonly string[], options: SendOptions) => send(context, bus, words, options));

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

async function send(context: CliContext, named: string, words: readonly string[], options: SendOptions): Promise<void> {
  const { address, settings } = conversationOf(options);
  const pdu = pduOf(words.length > 0 ? words.join("") : await textOfStdin(context));
  const open = await openIsoTp(context, named);
  try {
    const sink = pduPrinter(context, open.bus);
    const channel = open.isotp.open(address, settings, sink);
    if (options.functional) await open.isotp.sendFunctional(address, settings, pdu);
    else await channel.send(pdu, context.signal);
    if (context.options().json) printJson(context, { schemaVersion: 1, bus: open.bus, sent: pdu.length });
    else note(context, `${pdu.length} bytes sent`);
    if (options.wait !== undefined) await context.clock.sleep(options.wait, context.signal);
  } finally {
    await open.stop();
  }
}

async function receive(context: CliContext, named: string, options: ReceiveOptions): Promise<void> {
  const { address, settings } = conversationOf(options);
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
    await context.clock.sleep(ENDLESS_MS, AbortSignal.any([context.signal, end.signal]));
  } finally {
    await open.stop();
  }
  if (fault !== undefined) throw fault;
}

/** PDUs as isotprecv prints them, or one JSON object a line; faults as remarks. */
function pduPrinter(context: CliContext, bus: string): IsoTpSink {
  return {
    onPdu: (pdu, receivedAtUs) => {
      const hex = Buffer.from(pdu).toString("hex");
      if (context.options().json)
        printJson(context, { schemaVersion: 1, t: Math.floor(receivedAtUs) / 1e6, bus, pdu: hex });
      else printLine(context, hex.toUpperCase().replaceAll(/(..)(?=.)/g, "$1 "));
    },
    onFault: (fault) => note(context, fault.message),
  };
}

async function textOfStdin(context: CliContext): Promise<string> {
  let text = "";
  for await (const piece of readInput(context, undefined)) {
    text += Buffer.from(piece).toString("latin1");
    if (text.length > MAX_TEXT_BYTES) throw badPdu("it is too long");
  }
  return text;
}

function pduOf(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, "");
  if (!/^([0-9a-f]{2})+$/i.test(digits)) throw badPdu("it is no whole number of bytes in hexadecimal");
  return Uint8Array.from(Buffer.from(digits, "hex"));
}

function badPdu(problem: string): AgentError {
  return new AgentError("input.malformed", {
    what: `the PDU: ${problem}`,
    remedy: "write its bytes as 22 F1 90 or 22F190",
  });
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= ENDLESS_MS)) throw new InvalidArgumentError("Give milliseconds, at most a week.");
  return value;
}
