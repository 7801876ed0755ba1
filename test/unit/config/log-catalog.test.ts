import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { journalCatalog, LOG_CATALOG } from "../../../config/log-catalog.ts";

const ROOT = join(import.meta.dirname, "../../..");
const SOURCES = globSync(["agent/**/*.ts", "drivers/**/*.ts"], { cwd: ROOT }).map((path) =>
  readFileSync(join(ROOT, path), "utf8"),
);
/** Logged by their name in a variable, each with `what` and `remedy` (agent/daemon/configuration/log-problems.ts). */
const OF_CONFIG = ["config.unusable", "config.layer-refused"];

/** Facts of all calls that log this event. */
function factsOf(event: string): readonly (readonly string[])[] {
  const call = new RegExp(`\\.(?:error|warn)\\("${event}", \\{([^}]*)\\}`, "g");
  return SOURCES.flatMap((text) => [...text.matchAll(call)]).map(([, facts = ""]) =>
    facts.split(",").map((fact) => fact.split(":")[0]?.trim() ?? ""),
  );
}

/** "MOVED_TO" as "movedTo". */
function factOf(field: string): string {
  return field.toLowerCase().replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

describe("the catalogue of the journal", () => {
  it.each(Object.entries(LOG_CATALOG))(
    "has for %s only fields that each such entry has",
    (event, { subject, cause, remedy }) => {
      expect(SOURCES.some((text) => text.includes(`"${event}"`))).toBe(true);
      const wanted = [...`${subject} ${cause} ${remedy}`.matchAll(/@([A-Z_]+)@/g)].map(([, field = ""]) =>
        factOf(field),
      );
      const calls = OF_CONFIG.includes(event) ? [["what", "remedy"]] : factsOf(event);
      expect(calls).not.toEqual([]);
      for (const facts of calls) expect(facts).toEqual(expect.arrayContaining(wanted));
      expect(subject.length).toBeLessThanOrEqual(80);
    },
  );

  it("has an id for each event once, and no line that would begin another entry or a comment", () => {
    const text = journalCatalog();
    const ids = [...text.matchAll(/^-- ([0-9a-f]{32})$/gm)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(Object.keys(LOG_CATALOG).length);
    expect(text.match(/^(?:--|#)/gm)).toHaveLength(ids.length + 1);
  });
});
