import type { AgentError } from "../../../agent/core/errors.ts";
import type { Journal } from "../../../agent/ports/journal.ts";

/**
 * The journal of an agent whose journal cannot be opened: it holds nothing, and whatever would change it throws `fault`. What needs
 * it is refused; what does not goes on.
 */
export function noJournal(fault: AgentError): Journal {
  const fail = (): never => {
    throw fault;
  };
  return {
    status: () => ({ kind: "lost", what: fault.message, sinceUs: 0 }),
    declareLost: fail,
    acknowledgeLoss: fail,
    atomically: fail,
    get: fail,
    list: fail,
    put: fail,
    command: fail,
    addCommand: fail,
    changeCommand: fail,
    listCommands: () => [],
    unreportedCommands: () => [],
    stats: () => ({ commands: 0, maxCommands: 0, reads: 0, refused: 0, forgottenRejections: 0 }),
    close: () => undefined,
  };
}
