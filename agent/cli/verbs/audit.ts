import type { Command } from "commander";
import { chainProblems } from "../../commands/audit.ts";
import { EXIT } from "../../core/errors.ts";
import type { AuditEntry } from "../../telemetry/record/encode/audit.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { readInputFile } from "../input-file.ts";
import { KEY_OPTION, payloadReader } from "../payload-reader.ts";

/** `causeway audit verify`: whether the audit trail of commands is whole; works with the daemon down. */
export function registerAudit(program: Command, context: CliContext): void {
  program
    .command("audit")
    .description("the audit trail of remote commands")
    .command("verify")
    .description("whether the entries among these records are one chain, none missing and none altered")
    .argument("<file...>", "payloads of the control stream as received from the broker, one a file, in any order")
    .option(...KEY_OPTION)
    .addHelpText(
      "after",
      "\nRecords that are no entries are passed over. Ends with 1 when the chain is broken, 2 when there is no entry.\n\nExample:\n  causeway audit verify control/*.bin",
    )
    .action((files: string[], options: { key?: string }) => verify(files, options, context));
}

async function verify(
  files: readonly string[],
  options: { readonly key?: string },
  context: CliContext,
): Promise<void> {
  const reader = await payloadReader(options.key);
  const entries: AuditEntry[] = [];
  for (const file of files) {
    const { body } = await reader.decode(await readInputFile(file));
    if (body.kind === "audit") entries.push(body);
  }
  const problems = chainProblems(entries);
  const numbers = entries.map(({ number }) => number);
  const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
  if (entries.length === 0) {
    note(context, "there is no entry of the audit trail among these records");
    context.finish(EXIT.nothingToDo);
  } else if (context.options().json) {
    printJson(context, { schemaVersion: 1, entries: new Set(numbers).size, first, last, problems });
  } else {
    for (const problem of problems) printLine(context, problem);
    if (problems.length === 0) printLine(context, `entries ${first} to ${last}: one unbroken chain`);
  }
  if (problems.length > 0) context.finish(EXIT.failed);
}
