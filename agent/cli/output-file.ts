import { AgentError } from "../core/errors.ts";
import { fileTrouble, isDenied } from "../core/file-trouble.ts";

/** The fault of a file that cannot be written: `output.refused` where another user could, else `output.unwritable`. */
export function unwritable(path: string, cause: unknown): AgentError {
  return new AgentError(isDenied(cause) ? "output.refused" : "output.unwritable", {
    what: `${path}: cannot be written: ${fileTrouble(cause)}`,
    remedy: "name a file in a folder with room that this user may write to",
    cause,
  });
}
