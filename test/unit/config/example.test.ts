import { describe, expect, it } from "vitest";
import { isMap, isPair, isScalar, isSeq, parseDocument } from "yaml";
import { configJsonSchema, exampleConfig, shortExample } from "../../../config/example.ts";
import { EVERYTHING } from "../../../config/example-values.ts";
import { agentConfig } from "../../../config/schema.ts";

/** "a.b.c" for every key that the schema knows; lists and alternatives add nothing to a path. */
function schemaKeys(schema: unknown, path: readonly string[] = []): readonly string[] {
  if (typeof schema !== "object" || schema === null) return [];
  const words: readonly (readonly [string, unknown])[] = Object.entries(schema);
  return words.flatMap(([word, value]) => {
    if (typeof value !== "object" || value === null) return [];
    const below: readonly (readonly [string, unknown])[] = Object.entries(value);
    if (word === "properties") {
      return below.flatMap(([key, one]) => [[...path, key].join("."), ...schemaKeys(one, [...path, key])]);
    }
    if (["anyOf", "oneOf", "allOf"].includes(word)) return below.flatMap(([, one]) => schemaKeys(one, path));
    return word === "items" ? schemaKeys(value, path) : [];
  });
}

/** The same of a YAML node. */
function yamlKeys(node: unknown, path: readonly string[] = []): readonly string[] {
  if (isSeq(node)) return node.items.flatMap((item) => yamlKeys(item, path));
  if (!isMap(node)) return [];
  return node.items.flatMap((pair) => {
    if (!isPair(pair) || !isScalar(pair.key)) return [];
    const at = [...path, String(pair.key.value)];
    return [at.join("."), ...yamlKeys(pair.value, at)];
  });
}

/** The example with its settings that are commented out: text has one space after its #. */
function uncommented(): string {
  return exampleConfig().replaceAll(/^( *)#(?! [^ ])/gm, "$1");
}

describe("config example", () => {
  it("is short enough to begin with, and a configuration", () => {
    expect(shortExample().split("\n").length).toBeLessThan(60);
    expect(agentConfig.safeParse(parseDocument(shortExample()).toJS()).error).toBeUndefined();
  });
});

describe("config example --all", () => {
  it("shows every key that the schema knows; a new one without default belongs into config/example-values.ts", () => {
    const known = new Set(schemaKeys(configJsonSchema()));
    const shown = new Set(yamlKeys(parseDocument(uncommented(), { uniqueKeys: false }).contents));
    expect(known.size).toBeGreaterThan(200);
    expect([...known].filter((key) => !shown.has(key))).toEqual([]);
  });

  it("turns nothing on when it is copied whole", () => {
    const config = agentConfig.parse(parseDocument(exampleConfig()).toJS());
    expect(config.ota).toBeUndefined();
    expect(config.commands).toBeUndefined();
    expect(config.buses).toHaveLength(1);
  });

  it("is a configuration, too, with everything that is commented out but for the other identity", () => {
    const whole = uncommented().replace(/^identity:\n {2}mode: file\n(?: .*\n)*/m, "");
    expect(agentConfig.parse(parseDocument(whole).toJS())).toEqual(agentConfig.parse(EVERYTHING));
  });
});
