import type { Action } from "../action.ts";
import { rejected } from "../answer.ts";
import { alwaysSafe } from "./prepare.ts";

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
      if (Object.keys(given).length > 0) return rejected("ARGUMENT_TYPE_MISMATCH", "it takes no arguments");
      return alwaysSafe(async () => {
        await restart();
        return { kind: "held" };
      });
    },
  };
}
