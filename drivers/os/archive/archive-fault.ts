import { AgentError } from "../../../agent/core/errors.ts";

/** What is wrong with an archive, and what its maker does about it. */
export function archiveFault(what: string, remedy = "have the release built and signed anew"): AgentError {
  return new AgentError("update.unfit", { what, remedy });
}
