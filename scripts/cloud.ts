import { Command } from "commander";
import { AgentError, EXIT, FAULTS } from "../agent/core/errors.ts";
import { TemplateLint } from "./stacks/lint/lint.ts";
import { templateFiles } from "./stacks/template-files.ts";

const GUIDE = `
Examples:
  scripts/cloud lint                                            # all templates of config/aws

Exit codes: 0 ok, 1 failed or something is wrong with a template, 64 usage, 65 bad input.`;

const program = new Command("cloud")
  .description("the cloud side of Causeway on AWS: templates, what they cost, deploying")
  .addHelpText("after", GUIDE)
  .showSuggestionAfterError();

program
  .command("lint [template...]")
  .description("check templates against the provider's published schemas, and against each other")
  .action(async (paths: readonly string[]) => {
    const files = templateFiles(paths);
    const problems = await new TemplateLint().check(files);
    for (const { file, line, column, message } of problems) say(`${file}:${line}:${column} ${message}`);
    process.stderr.write(`${files.length} templates, ${problems.length} problems\n`);
    process.exitCode = problems.length > 0 ? EXIT.failed : EXIT.ok;
  });

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  program.exitOverride((thrown) => {
    process.exit(thrown.exitCode === 0 ? EXIT.ok : EXIT.usage);
  });
  await program.parseAsync();
} catch (thrown) {
  if (!(thrown instanceof AgentError)) throw thrown;
  process.stderr.write(`${thrown.message}\n`);
  process.exitCode = FAULTS[thrown.code].exit;
}
