import type { Command } from "commander";
import { AgentError } from "../../core/errors.ts";
import type { CanFrame } from "../../ports/frame.ts";
import { parseCansend } from "../../signals/log-formats/candump.ts";
import { type CliContext, printJson } from "../context.ts";
import { openBus, resolveBus } from "../open-bus.ts";

/** `causeway can send`. */
export function registerCanSend(can: Command, context: CliContext): void {
  can
    .command("send <bus> <frames...>")
    .description("send frames written as for cansend: 123#DEADBEEF, 18FEF100#11.22, 123#R8, 123##1112233")
    .addHelpText(
      "after",
      "\nExample:\n  causeway can send can0 123#DEADBEEF\n  causeway can send can0 7DF#0201050000000000",
    )
    .action(async (bus: string, frames: readonly string[]) => send(context, bus, frames.map(parseFrame)));
}

function parseFrame(text: string): CanFrame {
  const parsed = parseCansend(text);
  if (parsed.kind === "frame") return parsed.frame;
  throw new AgentError("input.malformed", {
    what: `${text}: column ${parsed.column}: ${parsed.problem}`,
    remedy: "write the frame as <id>#<data>, for example 123#DEADBEEF",
  });
}

async function send(context: CliContext, busName: string, frames: readonly CanFrame[]): Promise<void> {
  const bus = await openBus(context, await resolveBus(context, busName), [], () => undefined);
  try {
    for (const frame of frames) await bus.send(frame);
  } finally {
    await bus.stop();
  }
  if (context.options().json) printJson(context, { schemaVersion: 1, bus: bus.name, sent: frames.length });
}
