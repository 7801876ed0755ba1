import type { Command } from "commander";
import { EXIT } from "../../core/errors.ts";
import { clearCodes, listCodes, readCodesNow, watchCodes } from "../../local-api/codes-schema.ts";
import type { CodeState } from "../../telemetry/record/encode/trouble-code.ts";
import { type CliContext, note, printJson, printLine, printProblem } from "../context.ts";
import { codeRows, eventLine, freezeRows } from "../diagnostics/code-text.ts";
import { type CodesAgent, withLocalCodes } from "../diagnostics/local-codes.ts";
import { confirm } from "../questions.ts";
import { runningAgent } from "../running-agent.ts";
import { alignColumns } from "../text.ts";

type BusOption = { readonly bus?: string };
type ListOptions = BusOption & { readonly all: boolean; readonly fresh: boolean };

const BUS = [
  "--bus <bus>",
  "ask the control units of this bus now, with the agent or without: a bus of the configuration, interface, or socketcand://HOST:PORT/BUS",
] as const;

/** `causeway dtc list|watch|freeze|clear`: trouble codes as the running agent knows them, or as control units tell them now. */
export function registerDtc(program: Command, context: CliContext): void {
  const dtc = program.command("dtc").description("trouble codes of control units");
  dtc.addHelpText(
    "after",
    "\nAn ECU is a name as dtc list shows it, with its bus before it where several buses have one of the name: can1/engine.\nWithout --bus the running agent is asked. With it those are met who answer OBD-II, control units of the catalogue, and nodes of J1939\nthat send active codes.",
  );
  dtc
    .command("list [ecus...]")
    .description("active codes, of all control units or of those that are named")
    .option("--all", "healed ones too", false)
    .option("--fresh", "ask the control units first; needs admin.sock", false)
    .option(...BUS)
    .addHelpText(
      "after",
      "\nEnds with 2 where there is no code, with 69 where a control unit that is asked does not answer.\n\nExamples:\n  causeway dtc list\n  causeway dtc list engine --fresh --json\n  causeway dtc list --bus can0",
    )
    .action((ecus: readonly string[], options: ListOptions) =>
      withCodes(context, options.bus, (agent) => list(named(ecus), options, agent, context)),
    );
  dtc
    .command("watch")
    .description("each code that appears, is confirmed, heals, comes back or is cleared, as it happens")
    .addHelpText("after", "\nExample:\n  causeway dtc watch --json")
    .action(() => watch(context));
  dtc
    .command("freeze <code> [ecus...]")
    .description("freeze frame, snapshot and extended data of a code")
    .option(...BUS)
    .addHelpText("after", "\nExample:\n  causeway dtc freeze P0301\n  causeway dtc freeze 'SPN 100 FMI 1' sa_0")
    .action((code: string, ecus: readonly string[], { bus }: BusOption) =>
      withCodes(context, bus, (agent) => freeze(code, named(ecus), agent, context)),
    );
  dtc
    .command("clear [ecus...]")
    .description("clear the codes of control units, with their freeze data and readiness")
    .option("--yes", "do not ask", false)
    .option(...BUS)
    .addHelpText(
      "after",
      "\nNeeds admin.sock where the agent runs, and clear in diagnostics.buses[].technician of the bus.\n\nExample:\n  causeway dtc clear engine --yes",
    )
    .action((ecus: readonly string[], options: BusOption & { readonly yes: boolean }) =>
      clear(named(ecus), options, context),
    );
}

/** Asks the running agent, or with `bus` the control units themselves, which are read first. */
async function withCodes(
  context: CliContext,
  bus: string | undefined,
  act: (agent: CodesAgent) => Promise<void>,
): Promise<void> {
  if (bus === undefined) return await act(await runningAgent(context));
  await withLocalCodes(context, bus, async (agent) => {
    const { units } = (await agent.ask(readCodesNow, {})).answer;
    await act(agent);
    tellProblems(units, "was not read", context);
  });
}

function named(ecus: readonly string[]): readonly string[] | undefined {
  return ecus.length === 0 ? undefined : ecus;
}

async function list(
  ecus: readonly string[] | undefined,
  { all, fresh, bus }: ListOptions,
  agent: CodesAgent,
  context: CliContext,
): Promise<void> {
  // With --bus they have just been asked.
  const asked = fresh && bus === undefined ? (await agent.ask(readCodesNow, { ecus })).answer.units : [];
  const { answer, raw } = await agent.ask(listCodes, { ecus, all });
  if (context.options().json) printJson(context, raw);
  else printRows(codeRows(answer.codes, context.clock.wallUs()), context);
  const { refused } = answer.counters;
  if (refused > 0) note(context, `${refused} times a code was not remembered: diagnostics.codes.maxCodes is reached`);
  if (answer.codes.length === 0) nothing(answer.ecus.length, context);
  tellProblems(asked, "was not read", context);
}

function nothing(ecus: number, context: CliContext): void {
  note(context, ecus === 0 ? "no control unit has been read or heard yet" : `no code of ${ecus} control units`);
  context.finish(EXIT.nothingToDo);
}

async function watch(context: CliContext): Promise<void> {
  const agent = await runningAgent(context);
  for await (const event of agent.follow(watchCodes, {})) {
    if (context.options().json) printJson(context, event);
    else printLine(context, eventLine(event));
  }
}

async function freeze(
  code: string,
  ecus: readonly string[] | undefined,
  agent: CodesAgent,
  context: CliContext,
): Promise<void> {
  const { answer } = await agent.ask(listCodes, { ecus, all: true });
  const found = answer.codes.filter((one) => one.code.toLowerCase() === code.toLowerCase());
  if (context.options().json) {
    for (const one of found) printJson(context, { schemaVersion: 1, ...one });
  } else {
    for (const one of found) printFreeze(one, context);
  }
  if (found.some((one) => one.freeze.length > 0)) return;
  note(context, found.length === 0 ? `no control unit has had ${code}` : `no freeze data of ${code} were read`);
  context.finish(EXIT.nothingToDo);
}

function printFreeze(one: CodeState, context: CliContext): void {
  if (one.freeze.length === 0) return;
  printLine(context, `${one.code} of ${one.bus}/${one.ecu}`);
  printRows(freezeRows(one), context);
  if (one.freezeDropped > 0) note(context, `${one.freezeDropped} values more than are kept`);
}

async function clear(
  ecus: readonly string[] | undefined,
  { yes, bus }: BusOption & { readonly yes: boolean },
  context: CliContext,
): Promise<void> {
  const all = `all control units${bus === undefined ? "" : ` of ${bus}`}`;
  const who = ecus === undefined ? all : ecus.join(", ");
  if (!yes && !(await confirm(context, `Clear the codes of ${who}, with freeze data and readiness?`))) {
    note(context, "nothing was cleared");
    context.finish(EXIT.nothingToDo);
    return;
  }
  if (bus === undefined) return await clearBy(await runningAgent(context), ecus, context);
  await withLocalCodes(context, bus, (agent) => clearBy(agent, ecus, context));
}

async function clearBy(agent: CodesAgent, ecus: readonly string[] | undefined, context: CliContext): Promise<void> {
  const { answer, raw } = await agent.ask(clearCodes, { ecus });
  if (context.options().json) printJson(context, raw);
  else for (const { ecu, problem } of answer.units) if (problem === undefined) printLine(context, `${ecu} cleared`);
  if (answer.units.length === 0) nothing(0, context);
  tellProblems(answer.units, "was not cleared", context);
}

function tellProblems(
  units: readonly { readonly ecu: string; readonly problem?: string | undefined }[],
  whatNot: string,
  context: CliContext,
): void {
  const failed = units.filter(({ problem }) => problem !== undefined);
  for (const { ecu, problem } of failed)
    printProblem(context, { what: `${ecu} ${whatNot}: it ${problem}`, remedy: "see: causeway status" });
  if (failed.length > 0) context.finish(EXIT.unavailable);
}

function printRows(rows: readonly (readonly string[])[], context: CliContext): void {
  if (rows.length > 1) for (const line of alignColumns(rows)) printLine(context, line);
}
