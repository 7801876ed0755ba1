import { type ProcessParts, runProcess } from "./process.ts";
import { programOf } from "./root-command.ts";
import { registerRun } from "./verbs/run.ts";

/** The program with the verb `run` alone, which a package has in one file. */
export async function run(parts: ProcessParts): Promise<void> {
  await runProcess(parts, (args, context, bind) => programOf([["run", async () => registerRun]], args, context, bind));
}
