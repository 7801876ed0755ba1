import { type Command, InvalidArgumentError } from "commander";
import { EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { formatBytes, formatDuration } from "../../core/quantity.ts";
import { tunnelAllow, tunnelClose, tunnelList } from "../../local-api/tunnels-schema.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { runningAgent } from "../running-agent.ts";
import { alignColumns } from "../text.ts";

const MAX_MINUTES = 1440;

/** `causeway tunnel list|close|allow`: support through the cloud, as the vehicle sees it. */
export function registerTunnel(program: Command, context: CliContext): void {
  const tunnel = program.command("tunnel").description("tunnels through which support reaches this gateway");
  tunnel
    .command("list")
    .description("tunnels that are open; 2 when there is none")
    .addHelpText("after", "\nExample:\n  causeway tunnel list")
    .action(() => list(context));
  tunnel
    .command("close")
    .description("end a tunnel, or all of them; 2 when there is none")
    .argument("[id]", "its number, as list shows it", number(1, Number.MAX_SAFE_INTEGER))
    .addHelpText("after", "\nExample:\n  causeway tunnel close")
    .action((id: number | undefined) => close(id, context));
  tunnel
    .command("allow")
    .description("consent at the vehicle: tunnels may be opened for some time (tunnels.consent)")
    .option("--minutes <minutes>", "how long it holds; 0 takes it back", number(0, MAX_MINUTES), 30)
    .addHelpText(
      "after",
      "\nTunnels that are open stay so. A restart of the agent forgets it.\n\nExample:\n  causeway tunnel allow --minutes 30",
    )
    .action(({ minutes }: { readonly minutes: number }) => allow(minutes, context));
}

function number(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Give a whole number, ${least} to ${most}.`);
  };
}

async function list(context: CliContext): Promise<void> {
  const { status } = (await (await runningAgent(context)).ask(tunnelList, {})).answer;
  const open = status?.open ?? [];
  if (open.length === 0) context.finish(EXIT.nothingToDo);
  if (context.options().json) {
    for (const one of open) printJson(context, { schemaVersion: 1, ...one });
    return;
  }
  if (open.length === 0) {
    note(context, status === undefined ? "the configuration has no tunnels (tunnels.services)" : "no tunnel is open");
    return;
  }
  const rows = open.map(({ id, services, state, openedMs, leftMs, connections, bytesIn, bytesOut, problem }) => [
    String(id),
    services.join(","),
    state,
    formatDuration(openedMs),
    formatDuration(leftMs),
    String(connections),
    formatBytes(bytesIn),
    formatBytes(bytesOut),
    problem ?? "",
  ]);
  const head = ["tunnel", "services", "state", "open for", "left", "connections", "in", "out", "problem"];
  for (const line of alignColumns([head, ...rows])) printLine(context, printable(line));
}

async function close(id: number | undefined, context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(tunnelClose, { id });
  if (answer.closed === 0) context.finish(EXIT.nothingToDo);
  if (context.options().json) printJson(context, raw);
  else if (answer.closed === 0) note(context, "no such tunnel is open");
  else printLine(context, answer.closed === 1 ? "1 tunnel ended" : `${answer.closed} tunnels ended`);
}

async function allow(minutes: number, context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(tunnelAllow, { minutes });
  if (context.options().json) {
    printJson(context, raw);
    return;
  }
  if (!answer.isNeeded) note(context, "the configuration asks for no consent (tunnels.consent)");
  printLine(context, minutes === 0 ? "tunnels are not allowed any more" : `tunnels may be opened for ${minutes} min`);
}
