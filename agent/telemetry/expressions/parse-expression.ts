import { type ASTNode, Environment, ParseError } from "@marcbachmann/cel-js";
import { messageOf } from "../../core/errors.ts";

/** Longest expression, UTF-16 units. */
const MAX_LENGTH = 2000;
/** So much is read before an expression is refused. Lists stand behind "in" alone, maps nowhere. */
const LIMITS = { maxAstNodes: 256, maxDepth: 24, maxListElements: 64, maxMapEntries: 0, maxCallArguments: 4 } as const;

/** Registers nothing: only the grammar is used. */
const ENVIRONMENT = new Environment({ limits: LIMITS });

/** Why a text is no expression; `offset` is a UTF-16 index in it. */
export type UnfitExpression = { readonly kind: "unfit"; readonly problem: string; readonly offset: number };

/** Reads the grammar of CEL (cel-js) within bounds; types and names are not looked at. */
export function parseExpression(text: string): { readonly kind: "parsed"; readonly node: ASTNode } | UnfitExpression {
  if (text.length > MAX_LENGTH) return unfit(`is longer than ${MAX_LENGTH} characters`, MAX_LENGTH);
  try {
    return { kind: "parsed", node: ENVIRONMENT.parse(text).ast };
  } catch (thrown) {
    // Whatever the parser makes of a text of bounded length, the text is at fault.
    if (!(thrown instanceof ParseError)) return unfit(messageOf(thrown), 0);
    const tooLarge = thrown.code === "limit_exceeded";
    const problem = tooLarge ? "is too large: give parts of it to derived signals of their own" : thrown.summary;
    return unfit(problem, Math.min(thrown.range?.start ?? 0, text.length));
  }
}

/** The refusal of an expression. */
export function unfit(problem: string, offset: number): UnfitExpression {
  return { kind: "unfit", problem, offset };
}
