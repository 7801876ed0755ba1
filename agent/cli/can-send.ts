import { type Command, InvalidArgumentError } from "commander";
import { playLog } from "../../drivers/can/log-player.ts";
import { AgentError, EXIT } from "../core/errors.ts";
import { parseCansend } from "../data/candump.ts";
import type { CanFrame } from "../data/frame.ts";
import { type CliContext, note, printJson } from "./context.ts";
import { NO_FRAMES, openBus, resolveBus } from "./open-bus.ts";

/** `can send` and `can replay`. */
export function registerCanSend(can: Command, context: CliContext): void {
  can
    .command("send <bus> <frames...>")
    .description("send frames written as for cansend: 123#DEADBEEF, 18FEF100#11.22, 123#R8, 123##1112233")
    .addHelpText(
      "after",
      "\nExample:\n  causeway can send can0 123#DEADBEEF\n  causeway can send can0 7DF#0201050000000000",
    )
    .action(async (bus: string, frames: readonly string[]) => send(context, bus, frames.map(parseFrame)));

  can
    .command("replay <file> <bus>")
    .description("send the frames of a candump log with the distances they have in it")
    .option("--speed <factor>", "1 is real time, 2 twice as fast, 0 as fast as the bus takes them", speed, 1)
    .option("--loop", "begin again at the end", false)
    .option("--from <interface>", "only frames of this interface in the log")
    .addHelpText("after", "\nExample:\n  causeway can replay drive.log vcan0 --speed 2")
    .action(async (file: string, bus: string, options: ReplayOptions) => replay(context, file, bus, options));
}

type ReplayOptions = { readonly speed: number; readonly loop: boolean; readonly from?: string };

function parseFrame(text: string): CanFrame {
  const parsed = parseCansend(text);
  if (parsed.kind === "frame") return parsed.frame;
  throw new AgentError("input.malformed", {
    what: `${text}: column ${parsed.column}: ${parsed.problem}`,
    remedy: "write the frame as <id>#<data>, for example 123#DEADBEEF",
  });
}

async function send(context: CliContext, busName: string, frames: readonly CanFrame[]): Promise<void> {
  const bus = await openBus(context, await resolveBus(context, busName), NO_FRAMES, () => undefined);
  try {
    for (const frame of frames) await bus.send(frame);
  } finally {
    await bus.stop();
  }
  if (context.options().json) printJson(context, { schemaVersion: 1, bus: bus.name, sent: frames.length });
}

async function replay(context: CliContext, file: string, busName: string, options: ReplayOptions): Promise<void> {
  let malformed = 0;
  let sent = 0;
  const parts = {
    clock: context.clock,
    onMalformed: (line: number, column: number, problem: string) => {
      malformed += 1;
      note(context, `${file}:${line}:${column} ${problem}`);
    },
    beforeWait: () => undefined,
  };
  const settings = { file, speed: options.speed, loop: options.loop, interface: options.from, accepts: () => true };
  const bus = await openBus(context, await resolveBus(context, busName), NO_FRAMES, () => undefined);
  try {
    for await (const frame of playLog(settings, parts, context.signal)) {
      if (context.signal.aborted) break;
      await bus.send(frame);
      sent += 1;
    }
  } finally {
    await bus.stop();
  }
  if (context.options().json) printJson(context, { schemaVersion: 1, bus: bus.name, sent, malformedLines: malformed });
  else note(context, `${sent} frames sent, ${malformed} lines malformed`);
  if (malformed > 0) context.finish(EXIT.badInput);
}

function speed(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1000) || text.trim() === "")
    throw new InvalidArgumentError("Give a factor of 0 to 1000.");
  return value;
}
