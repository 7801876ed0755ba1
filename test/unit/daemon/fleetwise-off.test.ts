import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../../..");

/** What a file loads at once: what is imported as a type is erased, and `import()` waits until it is called. */
function loads(path: string): readonly string[] {
  const text = readFileSync(path, "utf8");
  const specifiers = [
    ...text.matchAll(/^(?:import|export)\s(?!type\s)[^;"']*?from\s"(\.[^"]+)"|^import\s"(\.[^"]+)"/gm),
  ];
  return specifiers.map(([, from, bare]) => join(dirname(path), from ?? bare));
}

function loadedBy(start: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const waiting = [join(ROOT, start)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    waiting.push(...loads(path));
  }
  return new Set([...seen].map((path) => path.slice(ROOT.length + 1)));
}

describe("an agent that is no vehicle of FleetWise", () => {
  it("loads nothing of it, before it runs and while it does", () => {
    const loaded = loadedBy("agent/cli/verbs/run.ts");
    expect(loaded.has("agent/daemon/compose.ts")).toBe(true);
    expect(loaded.has("agent/commands/state-templates.ts")).toBe(true);
    const found = [...loaded].filter(
      (path) => /^agent\/fleetwise\/|fleetwise/.test(path) && path !== "config/fleetwise.ts",
    );
    expect(found).toEqual([]);
  });

  it("would load it where it is asked to", () => {
    const loaded = loadedBy("agent/daemon/compose-fleetwise.ts");
    expect([...loaded].filter((path) => path.startsWith("agent/fleetwise/")).length).toBeGreaterThan(15);
  });
});
