import { z } from "zod";
import type { Action } from "../action.ts";
import { refused } from "../answer.ts";
import type { ConfigSettings } from "../config-settings.ts";
import { harmless, mistyped } from "./prepare.ts";

const argumentsSchema = z.strictObject({
  key: z.string().min(1).max(200),
  value: z.union([z.string().max(1000), z.number(), z.boolean(), z.null()]),
});

/** `config.set`: one key of the configuration, of those that the configuration itself lists as settable; `null` goes back to its files. It counts from the next start of the agent. */
export function setConfig(settings: ConfigSettings): Action {
  return {
    name: "config.set",
    summary: "a listed key of the configuration, from the next start on",
    commandClass: "R1",
    keyRole: "commands",
    endsInRestart: false,
    uses: ["config.set"],
    timeoutMs: 10_000,
    prepare: (given) => {
      const parsed = argumentsSchema.safeParse(given);
      if (!parsed.success) return mistyped(parsed.error);
      const { key, value } = parsed.data;
      return harmless(async () => {
        const outcome = await settings.set(key, value ?? undefined);
        switch (outcome.kind) {
          case "set":
            return { kind: "done", result: { key, inForce: "at the next start" } };
          case "unknown":
            return refused("ACCESS_DENIED", outcome.what);
          case "unfit":
            return refused("ARGUMENT_OUT_OF_RANGE", outcome.what);
        }
      });
    },
  };
}
