import { type Command, InvalidArgumentError } from "commander";
import { AgentError } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { formatDuration } from "../../core/quantity.ts";
import { vehicleSetState, vehicleState } from "../../local-api/vehicle-schema.ts";
import { COMMANDED_STATES, type CommandedState } from "../../vehicle/state/command-ignition.ts";
import { type CliContext, printJson, printLine } from "../context.ts";
import { runningAgent } from "../running-agent.ts";
import { alignColumns } from "../text.ts";

const MAX_SECONDS = 604_800;
const WORDS = [...COMMANDED_STATES, "none"] as const;

/** `causeway vehicle state`, and `state set`. */
export function registerVehicleState(vehicle: Command, context: CliContext): void {
  vehicle
    .command("state")
    .description("driving, parked or asleep soon, why, and what each source says of the ignition; or set it")
    .argument("[set]", "set, to say what the vehicle does in the place of its signals")
    .argument("[state]", "driving, parked, or none to say nothing any more")
    .option("--for <seconds>", "how long it holds", seconds, 3600)
    .addHelpText(
      "after",
      `
What is set counts where power.state.ignition of the configuration lists - from: command,
and for what is trusted less. A restart of the agent forgets it.

Examples:
  causeway vehicle state
  causeway vehicle state set parked --for 600`,
    )
    .action((set: string | undefined, state: string | undefined, options: { readonly for: number }) =>
      set === undefined ? show(context) : change(wordOf(set, state), options.for, context),
    );
}

function seconds(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= MAX_SECONDS) return value;
  throw new InvalidArgumentError(`Give whole seconds, 1 to ${MAX_SECONDS}.`);
}

function wordOf(set: string, text: string | undefined): CommandedState | undefined {
  const word = set === "set" ? WORDS.find((one) => one === text) : undefined;
  if (word !== undefined) return word === "none" ? undefined : word;
  const what = `vehicle state ${set} ${text ?? ""}`.trimEnd();
  throw new AgentError("usage.invalid", { what, remedy: `give: causeway vehicle state set ${WORDS.join("|")}` });
}

async function show(context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(vehicleState, {});
  if (context.options().json) {
    printJson(context, raw);
    return;
  }
  const { state, forMs, why, trip, sources, command } = answer;
  const inTrip = trip === undefined ? "" : `, trip ${trip.number}`;
  printLine(context, `${state.replace("-", " ")} for ${formatDuration(forMs)}${inTrip}`);
  printLine(context, printable(why));
  const rows = sources.map(({ source, says, why: reason }) => [source, says, reason]);
  for (const line of alignColumns([["source", "ignition", "why"], ...rows])) printLine(context, printable(line));
  if (command === undefined) return;
  printLine(context, `command: ${command.state} for another ${formatDuration(command.leftMs)}`);
}

async function change(state: CommandedState | undefined, forSeconds: number, context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(vehicleSetState, { state, seconds: forSeconds });
  if (context.options().json) printJson(context, raw);
  else if (answer.command === undefined) printLine(context, "no command holds");
  else printLine(context, `${answer.command.state} for ${formatDuration(forSeconds * 1000)}`);
}
