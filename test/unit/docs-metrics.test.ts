import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
const DOCUMENTS = globSync("docs/**/*.md", { cwd: ROOT }).filter((file) =>
  /\bcauseway_\w/.test(readFileSync(join(ROOT, file), "utf8")),
);
/** Names in sources are without what a format adds to them, and most without causeway_. */
const SOURCES = globSync("agent/**/*.ts", { cwd: ROOT })
  .map((file) => readFileSync(join(ROOT, file), "utf8"))
  .join("\n");

/** Metrics that a document names and that no source does; a name that ends in "_" stands for all that begin so. */
function unknownMetrics(text: string): readonly string[] {
  const names = [...text.matchAll(/\bcauseway_([a-z_]+)/g)].map(([, name = ""]) =>
    name.replace(/_(?:total|sum|count)$/, ""),
  );
  const forms = (name: string): readonly string[] =>
    [name, `causeway_${name}`].map((form) => (name.endsWith("_") ? `"${form}` : `"${form}"`));
  return [...new Set(names)].filter((name) => !forms(name).some((form) => SOURCES.includes(form)));
}

describe("metrics that a document names", () => {
  it.each(DOCUMENTS)("are there: %s", (document) => {
    expect(unknownMetrics(readFileSync(join(ROOT, document), "utf8"))).toEqual([]);
  });

  it("are found out where they are not", () => {
    expect(unknownMetrics("causeway_bus_frames_total causeway_bus_farmes_total causeway_uploads_*")).toEqual([
      "bus_farmes",
    ]);
  });
});
