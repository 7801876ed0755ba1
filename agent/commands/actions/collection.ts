import { z } from "zod";
import type { Action } from "../action.ts";
import { rejected } from "../answer.ts";
import type { CollectionRules, RuleSchema } from "../collection-rules.ts";
import { alwaysSafe, invalidArguments } from "./prepare.ts";

const ACTION = { keyRole: "commands", endsInRestart: false, timeoutMs: 1000 } as const;

/** `collection.show`: the rules that say what is collected, as JSON, and whether they are those of the configuration. */
export function showCollection(rules: CollectionRules): Action {
  return {
    ...ACTION,
    name: "collection.show",
    summary: "the rules that say what is collected",
    commandClass: "R0",
    uses: [],
    prepare: (given) => {
      if (Object.keys(given).length > 0) return rejected("ARGUMENT_TYPE_MISMATCH", "it takes no arguments");
      return alwaysSafe(async () => {
        const { rules: current, isChanged } = rules.current();
        return { kind: "done", result: { rules: JSON.stringify(current), isChanged } };
      });
    },
  };
}

/**
 * `collection.change`: `{rules: [...]}` sets other rules, all of them or none; `{restore: true}` goes back to those of the
 * configuration. A pattern that matches no signal is refused, since it is most likely misspelt.
 */
export function changeCollection(rules: CollectionRules, schema: RuleSchema): Action {
  const argumentsSchema = z.union([z.strictObject({ rules: schema }), z.strictObject({ restore: z.literal(true) })]);
  return {
    ...ACTION,
    name: "collection.change",
    summary: "other rules for what is collected, until they are changed again",
    commandClass: "R1",
    uses: ["collection"],
    prepare: (given) => {
      const parsed = argumentsSchema.safeParse(given);
      if (!parsed.success) return invalidArguments(parsed.error);
      const wanted = "rules" in parsed.data ? parsed.data.rules : undefined;
      const problem = wanted === undefined ? undefined : rules.problemOf(wanted);
      if (problem !== undefined) return rejected("ARGUMENT_OUT_OF_RANGE", problem);
      return alwaysSafe(async () => {
        rules.change(wanted);
        const { rules: current, isChanged } = rules.current();
        return { kind: "done", result: { rules: String(current.length), isChanged } };
      });
    },
  };
}
