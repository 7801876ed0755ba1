import type { Action } from "../action.ts";
import { rejected } from "../answer.ts";

/** An action that is named and does nothing yet: whoever asks is told so. */
export function notSupported(name: string, commandClass: Action["commandClass"], summary: string): Action {
  return {
    name,
    summary,
    commandClass,
    keyRole: "commands",
    endsInRestart: false,
    uses: [name],
    timeoutMs: 1000,
    prepare: () => rejected("NOT_SUPPORTED", `${name} is not supported by this agent`),
  };
}
