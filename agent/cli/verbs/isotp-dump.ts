import { type Command, Option } from "commander";
import { type IsoTpFrame, parseIsoTpFrame } from "../../diagnostics/isotp/frame-codec.ts";
import { PassiveIsoTp, type PassivePdu } from "../../diagnostics/isotp/passive-isotp.ts";
import { largestId } from "../../ports/arbitration-id.ts";
import type { FrameFilter } from "../../ports/can-bus.ts";
import { type CanFrame, FRAME_FLAG, type FrameBatch } from "../../ports/frame.ts";
import { sideText } from "../../ports/isotp-settings.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { addIds, type GivenId } from "../diagnostics/isotp-options.ts";
import { spaced } from "../diagnostics/pdu-printer.ts";
import { ENDLESS_SECONDS, secondsArgument } from "../listening-time.ts";
import { openBus, resolveBus } from "../open-bus.ts";

const BOUNDS = { maxConversations: 64, maxPduBytes: 1_048_576, maxBytes: 16_777_216 } as const;

type DumpOptions = {
  readonly source: GivenId;
  readonly destination: GivenId;
  readonly extended: boolean;
  readonly pdus: boolean;
  readonly seconds: number;
};

/** `causeway isotp dump`: sends nothing. */
export function registerIsotpDump(isotp: Command, context: CliContext): void {
  addIds(isotp.command("dump <bus>"))
    .description("show the frames of a conversation as isotpdump does, or its PDUs, until Ctrl-C; sends nothing")
    .option("-x, --extended", "an address byte stands before the PCI: extended and mixed addressing", false)
    .option("--pdus", "whole PDUs instead of frames", false)
    .addOption(
      new Option("--seconds <seconds>", "end after this time")
        .argParser(secondsArgument)
        .default(ENDLESS_SECONDS, "never"),
    )
    .addHelpText(
      "after",
      "\nExample:\n  causeway isotp dump can0 -s 7E0 -d 7E8\n  causeway isotp dump can0 -s 18DA10F1 -d 18DAF110 --pdus --json",
    )
    .action(async (bus: string, options: DumpOptions) => dump(context, bus, options));
}

async function dump(context: CliContext, named: string, options: DumpOptions): Promise<void> {
  const config = await resolveBus(context, named);
  const ids = [options.source, options.destination];
  const filters = ids.map(({ id, extended }): FrameFilter => ({ id, mask: largestId(extended), extended }));
  const passive = new PassiveIsoTp({ ...BOUNDS, addressByte: options.extended }, (pdu) =>
    printPdu(context, config.name, pdu),
  );
  const take = (frame: CanFrame): void => {
    if (!ids.some((given) => isFrom(frame, given))) return;
    if (options.pdus) passive.take(frame);
    else printFrame(context, config.name, frame, options.extended ? 1 : 0);
  };
  const bus = await openBus(context, config, filters, (batch: FrameBatch) => {
    for (let index = 0; index < batch.count; index += 1) take(batch.frame(index));
  });
  try {
    await context.clock.sleep(options.seconds * 1000, context.signal);
  } finally {
    await bus.stop();
  }
  const { incomplete } = passive.counters();
  if (incomplete > 0) note(context, `${incomplete} PDUs not shown: frames were missing`);
}

function isFrom({ id, flags }: CanFrame, given: GivenId): boolean {
  const isData = (flags & (FRAME_FLAG.error | FRAME_FLAG.remote)) === 0;
  return isData && id === given.id && ((flags & FRAME_FLAG.extended) !== 0) === given.extended;
}

function printPdu(
  context: CliContext,
  bus: string,
  { id, extended, addressByte, pdu, receivedAtUs }: PassivePdu,
): void {
  const hex = Buffer.from(pdu).toString("hex");
  if (context.options().json) {
    printJson(context, { schemaVersion: 1, t: seconds(receivedAtUs), bus, id, ext: extended, addressByte, pdu: hex });
  } else {
    printLine(
      context,
      ` ${bus}  ${sideText(id, extended, addressByte).toUpperCase()}  [${pdu.length}]  ${spaced(hex)}`,
    );
  }
}

function printFrame(context: CliContext, bus: string, { id, flags, data, receivedAtUs }: CanFrame, at: 0 | 1): void {
  const extended = (flags & FRAME_FLAG.extended) !== 0;
  const addressByte = at === 1 ? data[0] : undefined;
  const frame = parseIsoTpFrame(data, at);
  if (context.options().json) {
    const { kind, ...rest } = frame === undefined ? { kind: "unknown" } : plain(frame);
    printJson(context, {
      schemaVersion: 1,
      t: seconds(receivedAtUs),
      bus,
      id,
      ext: extended,
      addressByte,
      kind,
      ...rest,
    });
    return;
  }
  const head = ` ${bus}  ${sideText(id, extended, addressByte).toUpperCase()}  [${data.length}]  `;
  printLine(
    context,
    head + (frame === undefined ? `[??] ${spaced(Buffer.from(data).toString("hex"))}` : frameText(frame)),
  );
}

/** As isotpdump names them. */
function frameText(frame: IsoTpFrame): string {
  switch (frame.kind) {
    case "single":
      return `[SF] ln: ${String(frame.bytes.length).padEnd(4)} data: ${spacedBytes(frame.bytes)}`;
    case "first":
      return `[FF] ln: ${String(frame.length).padEnd(4)} data: ${spacedBytes(frame.bytes)}`;
    case "consecutive":
      return `[CF] sn: ${frame.sequence.toString(16).toUpperCase().padEnd(4)} data: ${spacedBytes(frame.bytes)}`;
    case "flow-control":
      return `[FC] ${frame.status}, block size ${frame.blockSize}, separation time ${frame.separationUs / 1000} ms`;
  }
}

function plain(frame: IsoTpFrame): { readonly kind: string; readonly [name: string]: unknown } {
  return "bytes" in frame ? { ...frame, bytes: Buffer.from(frame.bytes).toString("hex") } : frame;
}

function spacedBytes(bytes: Uint8Array): string {
  return spaced(Buffer.from(bytes).toString("hex"));
}

function seconds(us: number): number {
  return Math.floor(us) / 1e6;
}
