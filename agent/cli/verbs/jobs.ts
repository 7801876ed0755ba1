import type { Command } from "commander";
import { AgentError, EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { jobsCancel, jobsCheck, jobsList, jobsShow } from "../../local-api/jobs-schema.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { readInputFile } from "../input-file.ts";
import { runningAgent } from "../running-agent.ts";
import { alignColumns } from "../text.ts";

/** `causeway jobs list|show|run|cancel`: jobs of the cloud as the vehicle sees them. */
export function registerJobs(program: Command, context: CliContext): void {
  const jobs = program.command("jobs").description("jobs of the cloud (AWS IoT Jobs)");
  jobs
    .command("list")
    .description("what is in progress and in the queue, asked of the service; 2 when there is none")
    .addHelpText("after", "\nWith --json one object a job.\n\nExample:\n  causeway jobs list")
    .action(() => list(context));
  jobs
    .command("show")
    .description("one job, or the one that is worked on; 2 when there is none or it is over")
    .argument("[id]")
    .addHelpText("after", "\nExample:\n  causeway jobs show")
    .action((jobId: string | undefined) => show(jobId, context));
  jobs
    .command("run")
    .description("say what would become of a job document (JSON), and do nothing")
    .argument("<file>")
    .requiredOption("--dry-run", "the only way: jobs are the cloud's to give, see causeway ota for updates without it")
    .addHelpText(
      "after",
      "\nEnds with 1 when it would be rejected.\n\nExample:\n  causeway jobs run --dry-run settings.json",
    )
    .action((file: string) => check(file, context));
  jobs
    .command("cancel")
    .description("give up the job that is worked on, where that is still possible; 2 when there is none")
    .addHelpText("after", "\nIts end is reported to the cloud.\n\nExample:\n  causeway jobs cancel")
    .action(() => cancel(context));
}

async function list(context: CliContext): Promise<void> {
  const { jobs } = (await (await runningAgent(context)).ask(jobsList, {})).answer;
  if (jobs.length === 0) context.finish(EXIT.nothingToDo);
  if (context.options().json) {
    for (const { jobId, executionNumber, status } of jobs) {
      printJson(context, { schemaVersion: 1, jobId, executionNumber, status });
    }
    return;
  }
  if (jobs.length === 0) {
    note(context, "there is no job");
    return;
  }
  const rows = jobs.map(({ jobId, executionNumber, status }) => [jobId, String(executionNumber), status]);
  for (const line of alignColumns([["job", "execution", "status"], ...rows])) printLine(context, printable(line));
}

async function show(jobId: string | undefined, context: CliContext): Promise<void> {
  const { job: found } = (await (await runningAgent(context)).ask(jobsShow, { jobId })).answer;
  if (found === undefined) {
    note(context, jobId === undefined ? "no job is worked on" : `job ${jobId} is over or was never there`);
    context.finish(EXIT.nothingToDo);
    return;
  }
  if (context.options().json) {
    const { jobId, executionNumber, status, details } = found;
    printJson(context, { schemaVersion: 1, jobId, executionNumber, status, details });
    return;
  }
  printLine(context, printable(`${found.jobId} execution ${found.executionNumber}: ${found.status}`));
  for (const [key, value] of Object.entries(found.details)) printLine(context, printable(`  ${key} = ${value}`));
}

async function check(file: string, context: CliContext): Promise<void> {
  const document = parseDocument(file, new TextDecoder().decode(await readInputFile(file)));
  const { answer, raw } = await (await runningAgent(context)).ask(jobsCheck, { document });
  if (answer.kind === "rejected") context.finish(EXIT.failed);
  if (context.options().json) printJson(context, raw);
  else if (answer.kind === "possible") printLine(context, `${answer.operation} would be carried out`);
  else printLine(context, printable(`it would be rejected: ${answer.reason}`));
}

async function cancel(context: CliContext): Promise<void> {
  const { answer, raw } = await (await runningAgent(context)).ask(jobsCancel, {});
  const { jobId } = answer;
  if (jobId === undefined) context.finish(EXIT.nothingToDo);
  if (context.options().json) printJson(context, raw);
  else printLine(context, jobId === undefined ? "nothing to do" : `${jobId} is given up`);
}

function parseDocument(file: string, text: string): unknown {
  try {
    const parsed: unknown = JSON.parse(text);
    return parsed;
  } catch (error) {
    throw new AgentError("input.malformed", {
      what: `${file}: not JSON: ${error instanceof Error ? error.message : ""}`,
      remedy: "give the job document as it would be in the cloud",
      cause: error,
    });
  }
}
