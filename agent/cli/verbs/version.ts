import type { Command } from "commander";
import { type CliContext, printJson, printLine } from "../context.ts";

/** `causeway version`: the program's, Node's and the architecture. */
export function registerVersion(program: Command, context: CliContext): void {
  program
    .command("version")
    .description("version of the program and what it runs on")
    .addHelpText("after", "\nExample:\n  causeway version --json")
    .action(() => {
      const { version } = context;
      if (context.options().json) {
        printJson(context, {
          schemaVersion: 1,
          version,
          node: process.version,
          platform: process.platform,
          architecture: process.arch,
        });
      } else {
        printLine(context, `causeway ${version} (Node ${process.version}, ${process.platform}-${process.arch})`);
      }
    });
}
