import { z } from "zod";
import type { Action } from "../action.ts";
import { rejected } from "../answer.ts";
import type { ConfigOverrides } from "../config-overrides.ts";
import { alwaysSafe, invalidArguments } from "./prepare.ts";

const argumentsSchema = z.strictObject({
  key: z.string().min(1).max(200),
  value: z.union([z.string().max(1000), z.number(), z.boolean(), z.null()]),
});

/** `config.set`: one key of the configuration, of those that the configuration itself lists as settable; `null` goes back to its files. It counts from the next start of the agent. */
export function setConfig(settings: ConfigOverrides): Action {
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
      if (!parsed.success) return invalidArguments(parsed.error);
      const { key, value } = parsed.data;
      return alwaysSafe(async () => {
        const outcome = await settings.set(key, value ?? undefined);
        switch (outcome.kind) {
          case "set":
            return { kind: "done", result: { key, inForce: "at the next start" } };
          case "unknown":
            return rejected("ACCESS_DENIED", outcome.what);
          case "unfit":
            return rejected("ARGUMENT_OUT_OF_RANGE", outcome.what);
        }
      });
    },
  };
}
