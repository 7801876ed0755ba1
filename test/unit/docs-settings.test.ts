import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { EVERYTHING } from "../../config/example-values.ts";
import { agentConfig } from "../../config/schema.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Those whose examples stand alone. */
const DOCUMENTS = ["encryption", "fleet", "integrator", "identity", "records"].map((name) => `docs/${name}.md`);
const SECTIONS = new Set(Object.keys(agentConfig.shape));
const mapping = z.record(z.string(), z.unknown());

/** Code in a document: between fences, or indented. */
function blocksOf(text: string): readonly string[] {
  const fenced = [...text.matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, block = ""]) => block);
  const indented = text.match(/(?:^ {4}.*\n(?:\n(?= {4}))?)+/gm) ?? [];
  return [...fenced, ...indented.map((block) => block.replaceAll(/^ {4}/gm, ""))];
}

/** The settings that a block shows; undefined where it is no part of a configuration. */
function settingsIn(block: string): Readonly<Record<string, unknown>> | undefined {
  const [first = ""] = block.split("\n", 1);
  if (!SECTIONS.has(/^(\w+):/.exec(first)?.[1] ?? "")) return undefined;
  // Up to the commands that follow it.
  const [settingsAlone = ""] = block.split(/^(?!\w+:|\s|#|$)/m);
  const settings = mapping.parse(parse(settingsAlone));
  return Object.keys(settings).every((key) => SECTIONS.has(key)) ? settings : undefined;
}

/** What is wrong with the whole example in which `settings` stand in place of its own sections. Its control units would keep a bus awake that shown states may go by. */
function problemsWith(settings: object): readonly string[] {
  const { diagnostics, ...others } = EVERYTHING;
  const parsed = agentConfig.safeParse({ ...others, ...("power" in settings ? {} : { diagnostics }), ...settings });
  return parsed.success ? [] : parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

describe("settings that a document shows", () => {
  const shown = DOCUMENTS.flatMap((document) =>
    blocksOf(readFileSync(join(ROOT, document), "utf8")).flatMap((block) => {
      const settings = settingsIn(block);
      return settings === undefined ? [] : [[document, Object.keys(settings).join(" "), settings] as const];
    }),
  );

  it.each(shown)("can be used: %s, %s", (_document, _sections, settings) => {
    expect(problemsWith(settings)).toEqual([]);
  });

  it("are there for each service", () => {
    const services = ["programs", "shadows", "metrics", "defender", "files", "tunnels"];
    const ofFleet = shown.flatMap(([document, sections]) => (document === "docs/fleet.md" ? sections.split(" ") : []));
    expect(ofFleet).toEqual(expect.arrayContaining(services));
  });

  it("are found out where they cannot", () => {
    const [first] = blocksOf("Text\n\n    metrics:\n      scrape: { port: 99999 }\n\nText\n").map(settingsIn);
    expect(problemsWith(first ?? {})).toEqual([expect.stringMatching(/^metrics\.scrape\.port: /)]);
  });
});
