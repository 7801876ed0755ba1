import type { Action } from "../action.ts";
import { refused } from "../answer.ts";
import { harmless } from "./prepare.ts";

/** Asks the system to restart. Resolves when it has accepted; rejects with `system.restart-refused`. */
export type RestartSystem = () => Promise<void>;

/** `system.reboot`: restarts the system. Its answer is given after it: SUCCEEDED under another boot id, FAILED under the same. */
export function reboot(restart: RestartSystem): Action {
  return {
    name: "system.reboot",
    summary: "restart the system",
    commandClass: "R2",
    keyRole: "commands",
    endsInRestart: true,
    uses: ["system.reboot"],
    timeoutMs: 30_000,
    prepare: (given) => {
      if (Object.keys(given).length > 0) return refused("ARGUMENT_TYPE_MISMATCH", "it takes no arguments");
      return harmless(async () => {
        await restart();
        return { kind: "held" };
      });
    },
  };
}
