import { Command, InvalidArgumentError, Option } from "commander";
import { AgentError, EXIT, FAULTS } from "../agent/core/errors.ts";
import { ASSUMPTIONS, type Assumptions } from "./stacks/cost/assumptions.ts";
import { readPrices } from "./stacks/cost/prices.ts";
import { costText, isAssumption } from "./stacks/cost/table.ts";
import { driveSteps } from "./stacks/deploy/drive.ts";
import { type DeployOptions, deleteSteps, deploySteps, STACKS, type StackName } from "./stacks/deploy/plan.ts";
import { describeSteps, runSteps } from "./stacks/deploy/runner.ts";
import type { Step } from "./stacks/deploy/step.ts";
import { templateFiles } from "./stacks/template-files.ts";

const GUIDE = `
Examples:
  scripts/cloud lint                                            # all templates of config/aws
  scripts/cloud cost --prices prices.yaml                       # what it would cost; copy config/aws/prices.example.yaml
  scripts/cloud deploy --environment dev --region eu-central-1 --dry-run
  scripts/cloud deploy --environment dev --region eu-central-1  # from an empty account to running stacks
  scripts/cloud drive --environment dev --region eu-central-1   # a simulated vehicle, and its rows in the table
  scripts/cloud delete --environment dev --region eu-central-1  # buckets, tables, keys and users stay

deploy, drive and delete call the AWS CLI (version 2) with your own credentials; --dry-run prints each command and calls nothing.

Exit codes: 0 ok, 1 failed or something is wrong with a template, 64 usage, 65 bad input, 77 a command was refused.`;

/** What stays when the stacks are gone. */
const LEFT = `What holds data is left: delete it by hand when it is not wanted any more.
  buckets  causeway-ENVIRONMENT-artifacts-..., causeway-ENVIRONMENT-uploads-..., and causeway-ENVIRONMENT-payloads-... where payloads are archived
  tables   causeway-ENVIRONMENT-serials, -records, -state, -rows, -companion
  keys     alias causeway-ENVIRONMENT-payload and -commands: gone with their stack's aliases, alive and paid for until they are scheduled for deletion
  users    the user pool causeway-ENVIRONMENT-users
  vehicles things and certificates, which have no policy any more`;

type Place = { readonly environment: string; readonly region: string; readonly dryRun?: true };

const program = new Command("cloud")
  .description("the cloud side of Causeway on AWS: templates, what they cost, deploying")
  .addHelpText("after", GUIDE)
  .showSuggestionAfterError();

program
  .command("lint [template...]")
  .description("check templates against the provider's published schemas, and against each other")
  .action(async (paths: readonly string[]) => {
    // The schemas of all resource types are loaded for this alone.
    const { TemplateLint } = await import("./stacks/lint/lint.ts");
    const files = templateFiles(paths);
    const problems = await new TemplateLint().check(files);
    for (const { file, line, column, message } of problems) say(`${file}:${line}:${column} ${message}`);
    process.stderr.write(`${files.length} templates, ${problems.length} problems\n`);
    process.exitCode = problems.length > 0 ? EXIT.failed : EXIT.ok;
  });

type CostFlags = { readonly vehicles: readonly number[]; readonly prices: string; readonly assume: Assumptions };

program
  .command("cost")
  .description("what the stacks would cost a vehicle and month, from list prices that you fill in; calls nothing")
  .addOption(new Option("--vehicles <counts>", "fleet sizes").argParser(fleetSizes).default([100, 10_000, 1_000_000]))
  .requiredOption("--prices <file>", "YAML: a copy of config/aws/prices.example.yaml with the prices of your region")
  .addOption(
    new Option("--assume <NAME=VALUE...>", "another value of what the estimate stands on")
      .argParser(assumed)
      .default(defaultAssumptions(), "as the output shows"),
  )
  .action(async ({ vehicles, prices, assume }: CostFlags) => say(costText(vehicles, assume, await readPrices(prices))));

type DeployFlags = Place & {
  readonly stack: readonly StackName[];
  readonly alarmEmail?: string;
  readonly basicIngest?: true;
  readonly imageTag?: string;
  readonly signingKeyArn?: string;
  readonly set: readonly (readonly [StackName, string])[];
};

placed(program.command("deploy"))
  .description("make or change the stacks: templates, descriptor, image of the consumer, companion function")
  .addOption(new Option("--stack <name...>", "only these stacks").choices(STACKS).default(STACKS, "all"))
  .option("--alarm-email <address>", "where alarms go")
  .option("--basic-ingest", "vehicles publish records to the rule instead of the broker; the consumer then gets none")
  .option("--image-tag <tag>", "an image that is in the repository; without it one is built with docker and pushed")
  .option("--signing-key-arn <arn>", "KMS key that signs commands, in another account")
  .addOption(
    new Option("--set <stack.Name=value...>", "a further parameter of a stack").argParser(collectParameter).default([]),
  )
  .action(async (flags: DeployFlags) => {
    const options: DeployOptions = {
      environment: flags.environment,
      region: flags.region,
      stacks: STACKS.filter((name) => flags.stack.includes(name)),
      alarmEmail: flags.alarmEmail,
      basicIngest: flags.basicIngest === true,
      imageTag: flags.imageTag,
      signingKeyArn: flags.signingKeyArn,
      parameters: parametersOf(flags.set),
    };
    await carryOut(deploySteps(options), flags.dryRun);
  });

placed(program.command("drive"))
  .description("run a simulated vehicle against the stacks, and show what of it is in the table")
  .addOption(new Option("--thing <name>", "thing name").argParser(thingName).default("bench-1"))
  .addOption(new Option("--seconds <count>", "length of the drive").argParser(seconds).default(60))
  .option("--folder <path>", "where its configuration and its certificate go", ".bench/cloud-vehicle")
  .action(
    async (flags: Place & { readonly thing: string; readonly seconds: number; readonly folder: string }) =>
      await carryOut(driveSteps(flags), flags.dryRun, "rows"),
  );

placed(program.command("delete"))
  .description("take the stacks away; what holds data stays")
  .action(async (flags: Place) => {
    await carryOut(deleteSteps(flags), flags.dryRun);
    say(LEFT.replaceAll("ENVIRONMENT", flags.environment));
  });

/** Runs steps, or prints them; `shown` is the value that is told at the end. */
async function carryOut(steps: readonly Step[], isDry: true | undefined, shown = ""): Promise<void> {
  if (isDry === true) return describeSteps(steps, say);
  const values = await runSteps(steps, new Map(), say);
  const value = values.get(shown);
  if (value !== undefined) say(value);
}

function fleetSizes(text: string): readonly number[] {
  const counts = text.split(",").map(Number);
  const isRight = counts.length <= 6 && counts.every((count) => Number.isInteger(count) && count >= 1 && count <= 1e9);
  if (!isRight) throw new InvalidArgumentError("must be up to 6 whole numbers, such as 100,10000,1000000");
  return counts;
}

function defaultAssumptions(): Assumptions {
  const { hoursOnlineADay, recordsAnHour, bytesARecord, bytesAtRest, recordsACommit, lastKnownUnits } = ASSUMPTIONS;
  const { keepDays, queriesADay, commandsADay, jobsAMonth, artifactMegabytes, shadowUpdatesADay } = ASSUMPTIONS;
  const { recordsASecondATask, peakFactor, usersAVehicle } = ASSUMPTIONS;
  return {
    hoursOnlineADay: hoursOnlineADay.value,
    recordsAnHour: recordsAnHour.value,
    bytesARecord: bytesARecord.value,
    bytesAtRest: bytesAtRest.value,
    recordsACommit: recordsACommit.value,
    lastKnownUnits: lastKnownUnits.value,
    keepDays: keepDays.value,
    queriesADay: queriesADay.value,
    commandsADay: commandsADay.value,
    jobsAMonth: jobsAMonth.value,
    artifactMegabytes: artifactMegabytes.value,
    shadowUpdatesADay: shadowUpdatesADay.value,
    recordsASecondATask: recordsASecondATask.value,
    peakFactor: peakFactor.value,
    usersAVehicle: usersAVehicle.value,
  };
}

function assumed(text: string, before: Assumptions): Assumptions {
  const [, name = "", given = ""] = /^(\w+)=(.*)$/.exec(text) ?? [];
  const value = Number(given);
  if (!isAssumption(name))
    throw new InvalidArgumentError(`must be NAME=VALUE, with ${Object.keys(ASSUMPTIONS).join(", ")}`);
  if (given.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError(`${name}: must be a number, 0 or more`);
  return { ...before, [name]: value };
}

function placed(command: Command): Command {
  return command
    .addOption(new Option("--environment <name>", "stands in every name").argParser(environmentName).default("dev"))
    .requiredOption("--region <name>", "for example eu-central-1", regionName)
    .option("--dry-run", "print each command, exactly, and call nothing");
}

function environmentName(text: string): string {
  if (!/^[a-z][a-z0-9-]{0,15}$/.test(text)) throw new InvalidArgumentError("must be 1 to 16 of a-z, 0-9 and '-'");
  return text;
}

function regionName(text: string): string {
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(text)) throw new InvalidArgumentError("must be a region, such as eu-central-1");
  return text;
}

function thingName(text: string): string {
  if (!/^[\w:-]{1,128}$/.test(text))
    throw new InvalidArgumentError("must be 1 to 128 letters, digits, '_', ':' or '-'");
  return text;
}

function seconds(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 5 || count > 3600) throw new InvalidArgumentError("must be 5 to 3600");
  return count;
}

function collectParameter(
  text: string,
  before: readonly (readonly [StackName, string])[],
): readonly (readonly [StackName, string])[] {
  const [, name = "", parameter = ""] = /^(\w+)\.(\w+=.*)$/s.exec(text) ?? [];
  const stackName = STACKS.find((one) => one === name);
  if (stackName === undefined) throw new InvalidArgumentError(`must be STACK.Name=value, with ${STACKS.join(", ")}`);
  return [...before, [stackName, parameter]];
}

function parametersOf(pairs: DeployFlags["set"]): DeployOptions["parameters"] {
  return new Map(STACKS.map((name) => [name, pairs.filter(([of]) => of === name).map(([, parameter]) => parameter)]));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  program.exitOverride();
  for (const command of program.commands) command.exitOverride();
  await program.parseAsync();
} catch (thrown) {
  process.exitCode = reported(thrown);
}

function reported(thrown: unknown): number {
  if (thrown instanceof AgentError) {
    process.stderr.write(`cloud: ${thrown.message}\n  remedy: ${thrown.remedy}\n`);
    return FAULTS[thrown.code].exit;
  }
  if (thrown instanceof Error && "exitCode" in thrown) return thrown.exitCode === 0 ? EXIT.ok : EXIT.usage;
  throw thrown;
}
