import { globSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { JOURNAL_SPACES } from "../../../agent/ports/journal-spaces.ts";

/** Each space with the files that name it as one: `const SPACE: JournalSpace = "audit"`. */
function uses(): readonly (readonly [space: string, file: string])[] {
  return globSync("agent/**/*.ts").flatMap((file) => {
    const text = readFileSync(file, "utf8");
    return [...text.matchAll(/: JournalSpace = "([^"]*)"/g)].map((found) => [found[1] ?? "", file] as const);
  });
}

const documents = Object.entries(JOURNAL_SPACES).flatMap(([space, kept]) =>
  kept.map((document) => {
    const [file, schema] = document.schema;
    return { space, key: document.key, file, schema, user: "through" in document ? document.through : file };
  }),
);

describe("the spaces of the journal", () => {
  it("have names that no key can be taken for", () => {
    for (const space of Object.keys(JOURNAL_SPACES)) expect(space).toMatch(/^[a-z]+(-[a-z]+)*$/);
  });

  it("are used by the files that the list names for them, and by no other", () => {
    const listed = new Set(documents.map(({ space, user }) => `${space} ${user}`));
    expect(
      uses()
        .map((use) => use.join(" "))
        .sort(),
    ).toEqual([...listed].sort());
  });

  it.each(documents)("hold $key in $space by a schema that is where the list says", ({ key, file, schema }) => {
    const text = readFileSync(file, "utf8");
    expect(text).toMatch(new RegExp(`(const|type|function) ${schema}\\b`));
    const [fixed = ""] = key.split(/[A-Z_]+/);
    if (fixed !== "") expect(text).toMatch(new RegExp(`["\`]${fixed}(["\`]|\\$\\{)`));
  });

  it("are written by nobody who does not name them so", () => {
    const literal = /space: "|journal\.(get|list)\("/;
    expect(globSync("{agent,drivers}/**/*.ts").filter((file) => literal.test(readFileSync(file, "utf8")))).toEqual([]);
  });
});
