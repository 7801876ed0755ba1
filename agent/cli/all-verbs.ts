import { type ProcessParts, runProcess } from "./process.ts";
import { createProgram } from "./program.ts";

/** The program with all its verbs, each loaded when it is asked for. */
export async function run(parts: ProcessParts): Promise<void> {
  await runProcess(parts, createProgram);
}
