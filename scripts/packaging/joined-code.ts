import type { InputOptions } from "rolldown";
import { AgentError } from "../../agent/core/errors.ts";

/** How code is written that was joined: nothing is made shorter but by leaving out comments. */
export const AS_TEXT = {
  comments: false,
  minify: { compress: false, mangle: false, codegen: { removeWhitespace: false, asciiOnly: true } },
} as const;

/** Refuses what is imported and not there. What npm packages do among themselves (cycles, eval) is theirs. */
export const onLog: NonNullable<InputOptions["onLog"]> = (level, log, handle) => {
  if (log.code === "UNRESOLVED_IMPORT") {
    throw new AgentError("input.missing", { what: log.message, remedy: "run scripts/setup, or mend the import" });
  }
  // What one part loads on demand and another always is in the file of the latter.
  if (log.code === "INEFFECTIVE_DYNAMIC_IMPORT") return;
  if (level === "warn" && log.id?.includes("/node_modules/") !== true) handle(level, log);
};
