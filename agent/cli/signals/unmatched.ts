import { printable } from "../../core/plain-text.ts";

/** A pattern that matches no signal, for a person: with the names that it may have been meant for. */
export function unmatchedProblem({ pattern, near }: { readonly pattern: string; readonly near: readonly string[] }) {
  return {
    what: printable(`no signal matches ${pattern}`),
    remedy:
      near.length === 0
        ? "write MESSAGE.SIGNAL, with '*' for any letters; causeway dbc list has the messages, dbc show their signals"
        : printable(`did you mean ${listed(near)}? Upper and lower case differ`),
  };
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}
