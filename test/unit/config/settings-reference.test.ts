import { describe, expect, it } from "vitest";
import { isMap, isPair, isScalar, isSeq, parseDocument } from "yaml";
import { z } from "zod";
import { configJsonSchema, exampleConfig } from "../../../config/example.ts";
import { settingsReference } from "../../../config/settings-reference.ts";

/** "a[].b" for every key of the whole example; what is commented out has no space after its #. */
function keysOf(node: unknown, path = ""): readonly string[] {
  if (isSeq(node)) return node.items.flatMap((item) => keysOf(item, `${path}[]`));
  if (!isMap(node)) return [];
  return node.items.flatMap((pair) => {
    if (!isPair(pair) || !isScalar(pair.key)) return [];
    const at = path === "" ? String(pair.key.value) : `${path}.${String(pair.key.value)}`;
    return [at, ...keysOf(pair.value, at)];
  });
}

/** The settings of a reference, as patterns: <name> is any name. */
function patternsIn(reference: string): readonly RegExp[] {
  const names = [...reference.matchAll(/^(?:\| `([^`]+)`|## (\w+)$)/gm)].map(([, row, head]) => row ?? head ?? "");
  return names.map((name) => new RegExp(`^${name.replaceAll(/[[\].]/g, "\\$&").replaceAll("<name>", "[^\\[]+")}$`));
}

function reference(shape: z.ZodType): string {
  return settingsReference(z.toJSONSchema(shape, { io: "input" }));
}

describe("the reference of settings", () => {
  it("has each setting that the example has", () => {
    const whole = exampleConfig().replaceAll(/^( *)#(?! [^ ])/gm, "$1");
    const patterns = patternsIn(settingsReference(configJsonSchema()));
    const keys = [...new Set(keysOf(parseDocument(whole, { uniqueKeys: false }).contents))];
    expect(keys.length).toBeGreaterThan(500);
    expect(keys.filter((key) => !patterns.some((pattern) => pattern.test(key)))).toEqual([]);
  });

  it("says values, bounds, default and meaning", () => {
    const text = reference(
      z.strictObject({ log: z.strictObject({ maxBytes: z.int().min(1).max(9).default(5).describe("on disk | all") }) }),
    );
    expect(text).toContain("## log\n\nNeeded.\n");
    expect(text).toContain("| `log.maxBytes` | whole number 1 to 9 | `5` | on disk \\| all |");
  });

  it("says which alternative a setting is of, unless it is of all", () => {
    const bus = z.discriminatedUnion("driver", [
      z.strictObject({ driver: z.literal("native"), name: z.string(), ring: z.number() }),
      z.strictObject({ driver: z.literal("replay"), name: z.string(), file: z.string().optional() }),
    ]);
    const text = reference(z.strictObject({ buses: z.array(bus).min(1) }));
    expect(text).toContain("| `buses[].driver` | `native`, `replay` | needed | which of them it is |");
    expect(text).toContain("| `buses[].name` | text | needed |  |");
    expect(text).toContain("| `buses[].ring` | number | needed | with driver native |");
    expect(text).toContain("| `buses[].file` | text | - | with driver replay |");
  });

  it("has names of one's own, and what may be off", () => {
    const text = reference(z.strictObject({ ports: z.record(z.string(), z.int().min(1)).optional().describe("open") }));
    expect(text).toContain("## ports\n\nOff until it is there: open.\n");
    expect(text).toContain("| `ports.<name>` | whole number from 1 | - |  |");
  });
});
