import type { FaultCode } from "../core/errors.ts";
import type { ProgramStream } from "../core/program-streams.ts";
import type { ProgramScalar } from "../ports/program-commands.ts";

/** What the agent says to a program, in the words of a line. */
export type ToProgram =
  | { readonly program: string; readonly answers?: readonly string[] }
  | { readonly stored: { readonly epoch: number; readonly stream: ProgramStream; readonly seq: number } }
  | { readonly answered: string }
  | { readonly error: { readonly code: FaultCode; readonly what: string; readonly remedy: string } }
  | {
      readonly command: {
        readonly id: string;
        readonly name: string;
        readonly arguments: Readonly<Record<string, ProgramScalar>>;
        readonly deadlineMs: number;
        readonly ledgerId: string | undefined;
      };
    };
