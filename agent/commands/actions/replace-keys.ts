import type { Action } from "../action.ts";
import { rejected } from "../answer.ts";
import { type KeySet, keySetSchema } from "../key-set.ts";
import { alwaysSafe, invalidArguments } from "./prepare.ts";

/** `keys.replace`: a newer set of signing keys, signed by a key whose role that is. What it revokes stays revoked. */
export function replaceKeys(keys: KeySet): Action {
  return {
    name: "keys.replace",
    summary: "a newer set of signing keys, with those revoked",
    commandClass: "R2",
    keyRole: "keys",
    endsInRestart: false,
    uses: ["keys.replace"],
    timeoutMs: 60_000,
    prepare: (given) => {
      const parsed = keySetSchema.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      return alwaysSafe(async () => {
        if (await keys.replace(parsed.data)) return { kind: "done", result: { version: String(parsed.data.version) } };
        return rejected("ARGUMENT_OUT_OF_RANGE", `version ${parsed.data.version} is not newer than the one in use`);
      });
    },
  };
}
