import type { ProgramCommand } from "../../../agent/ports/program-commands.ts";

/** A command to the program hvac, as the catalogue would hand it over. */
export function programCommand(change: Partial<ProgramCommand> = {}): ProgramCommand {
  return {
    program: "hvac",
    name: "precondition",
    arguments: { celsius: 21 },
    deadlineMs: 5000,
    ledgerId: undefined,
    problemWith: () => undefined,
    ...change,
  };
}
