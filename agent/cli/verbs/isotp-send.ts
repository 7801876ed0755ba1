import { type Command, InvalidArgumentError } from "commander";
import { AgentError } from "../../core/errors.ts";
import { formatCounted } from "../../core/quantity.ts";
import type { FunctionalReply, Reply, TesterBus } from "../../diagnostics/tester/tester-bus.ts";
import { largestId } from "../../ports/arbitration-id.ts";
import { conversationText } from "../../ports/isotp-settings.ts";
import { type CliContext, note, printJson } from "../context.ts";
import { addIds, addSettings, conversationOf, type IsoTpOptions } from "../diagnostics/isotp-options.ts";
import { openIsoTp } from "../diagnostics/open-isotp.ts";
import { runningTester } from "../diagnostics/open-tester.ts";
import { pduPrinter } from "../diagnostics/pdu-printer.ts";
import { withheldFault } from "../diagnostics/withheld.ts";
import { readInput } from "../input-file.ts";
import { optionalConfig } from "../open-bus.ts";

/** Longest text of a PDU on stdin: the bytes of DEFAULT_ISOTP with a blank each, and some to spare. */
const MAX_TEXT_BYTES = 262_144;
const MAX_WAIT_MS = 600_000;

type SendOptions = IsoTpOptions & { readonly wait?: number; readonly functional: boolean };

/** `causeway isotp send`: through the running agent where it has diagnostics of the bus, with its manners; else at once. */
export function registerIsotpSend(isotp: Command, context: CliContext): void {
  addSettings(addIds(isotp.command("send <bus> [pdu...]")))
    .description("send one PDU, given in hexadecimal or on stdin")
    .option("-w, --wait <ms>", "print the PDUs that come in this time", milliseconds)
    .option("--functional", "one single frame to many; nobody controls its flow", false)
    .addHelpText(
      "after",
      "\nWhere an agent runs with diagnostics of this bus, it sends, when its manners allow it, and the first answer ends the wait.\n\nExample:\n  causeway isotp send can0 -s 7E0 -d 7E8 -p cc --wait 1000 09 02\n  causeway isotp send socketcand://127.0.0.1:29536/can0 -s 18DA10F1 -d 18DAF110 22F190",
    )
    .action(async (bus: string, words: readonly string[], options: SendOptions) => {
      const pdu = pduOf(words.length > 0 ? words.join("") : await textOfStdin(context));
      const tester = await runningTester(context, await optionalConfig(context), bus);
      if (tester === undefined) await send(context, bus, pdu, options);
      else await ask(context, tester, pdu, options);
    });
}

async function send(context: CliContext, named: string, pdu: Uint8Array, options: SendOptions): Promise<void> {
  const { address, settings } = conversationOf(options);
  const open = await openIsoTp(context, named);
  try {
    const channel = open.isotp.open(address, settings, pduPrinter(context, open.bus));
    if (options.functional) await open.isotp.sendFunctional(address, settings, pdu);
    else await channel.send(pdu, context.signal);
    reportSent(context, open.bus, pdu);
    if (options.wait !== undefined) await context.clock.sleep(options.wait, context.signal);
  } finally {
    await open.stop();
  }
}

async function ask(context: CliContext, tester: TesterBus, pdu: Uint8Array, options: SendOptions): Promise<void> {
  const { address, settings } = conversationOf(options);
  const { wait: waitMs } = options;
  const printer = pduPrinter(context, tester.bus);
  if (options.functional) {
    const responses = [{ id: address.rxId, mask: largestId(address.extended), extended: address.extended }];
    const reply = await tester.askAll({ ...address, responses }, pdu, waitMs ?? 0, "technician", context.signal);
    throwUnsent(reply);
    reportSent(context, tester.bus, pdu);
    if (reply.kind === "answers") for (const one of reply.answers) printer.onPdu(one.pdu, one.receivedAtUs);
    return;
  }
  const ecu = { name: conversationText(address), address, isotp: settings };
  const answerless = waitMs === undefined;
  const reply = await tester.ask({ ecu, pdu, who: "technician", answerless, p2Ms: waitMs }, context.signal);
  throwUnsent(reply);
  reportSent(context, tester.bus, pdu);
  if (reply.kind === "answer" && reply.pdu.length > 0) printer.onPdu(reply.pdu, reply.receivedAtUs);
  else if (reply.kind === "negative") {
    printer.onPdu(Uint8Array.of(0x7f, reply.service, reply.code), context.clock.wallUs());
  }
}

function throwUnsent(reply: Reply | FunctionalReply): void {
  if (reply.kind === "fault") throw reply.fault;
  if (reply.kind === "withheld") throw withheldFault(reply);
}

function reportSent(context: CliContext, bus: string, pdu: Uint8Array): void {
  if (context.options().json) printJson(context, { schemaVersion: 1, bus, sent: pdu.length });
  else note(context, `${formatCounted(pdu.length, "byte")} sent`);
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
  if (!(value >= 0 && value <= MAX_WAIT_MS)) throw new InvalidArgumentError("Give milliseconds, at most 600000.");
  return value;
}
