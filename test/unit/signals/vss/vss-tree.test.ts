import { describe, expect, it } from "vitest";
import { readVssTree } from "../../../../agent/signals/vss/vss-tree.ts";

const LEAF = { type: "sensor", datatype: "float", unit: "km/h", description: "Speed." };

/** A tree with these children of Vehicle, as `vspec export json` writes it. */
function treeOf(children: object, more: object = {}): string {
  return JSON.stringify({ Vehicle: { type: "branch", description: "All.", children, ...more } }, undefined, 2);
}

function pathsOf(text: string): string[] {
  const { leaves, problems } = readVssTree(text);
  expect(problems.errors).toEqual([]);
  return leaves.map(({ path }) => path);
}

describe("readVssTree", () => {
  it("gives the leaves with their paths, units and types, and no structs", () => {
    const text = JSON.stringify({
      Vehicle: { type: "branch", children: { Speed: LEAF, Cabin: { type: "branch", children: { Door: LEAF } } } },
      ComplexDataTypes: { children: { T: { type: "struct" } } },
    });
    const { leaves, problems } = readVssTree(`\uFEFF${text}`);
    expect(problems.errors).toEqual([]);
    expect(leaves).toEqual([
      {
        path: "Vehicle.Speed",
        datatype: "float",
        unit: "km/h",
        description: "Speed.",
        dbc: undefined,
        place: ["Vehicle", "children", "Speed"],
      },
      expect.objectContaining({ path: "Vehicle.Cabin.Door" }),
    ]);
  });

  it.each([
    ["Row[1,2]", ["Row1", "Row2"]],
    [
      ["Left", "Right"],
      ["Left", "Right"],
    ],
    [
      ["Row[1,2]", ["Left", "Right"]],
      ["Row1.Left", "Row1.Right", "Row2.Left", "Row2.Right"],
    ],
  ])("names every instance of a branch with the instances %j", (instances, names) => {
    const door = { type: "branch", instances, children: { IsOpen: LEAF, Count: { ...LEAF, instantiate: false } } };
    const wanted = [...names.map((name) => `Vehicle.Door.${name}.IsOpen`), "Vehicle.Door.Count"];
    expect(pathsOf(treeOf({ Door: door }))).toEqual(wanted);
  });

  it("names the place of what it cannot read, and goes on", () => {
    const { leaves, problems } = readVssTree(treeOf({ A: { ...LEAF, type: "sensr" }, B: { type: "sensor" }, C: LEAF }));
    expect(leaves.map(({ path }) => path)).toEqual(["Vehicle.C"]);
    expect(problems.errors.map(({ line, column, text }) => `${line}:${column} ${text}`)).toEqual([
      '7:9 Vehicle.A: type: Invalid option: expected one of "sensor"|"actuator"|"attribute"',
      "12:7 Vehicle.B: datatype: Invalid input: expected string, received undefined",
    ]);
  });

  it.each([
    ["", "1:1 not JSON: Unexpected end of JSON input"],
    ['{\n "Vehicle": {,}\n}', "2:14 not JSON: Expected property name or '}' in JSON at position 15 (line 2 column 14)"],
    ["[]", "1:1 expected an object with the root of the tree, such as Vehicle"],
    ["{}", "1:1 there is no signal in it"],
  ])("refuses %j", (text, problem) => {
    const { errors } = readVssTree(text).problems;
    expect(errors.map(({ line, column, text: what }) => `${line}:${column} ${what}`)).toEqual([problem]);
  });

  it("is not led into endless depth", () => {
    let node: object = LEAF;
    for (let depth = 0; depth < 40; depth++) node = { type: "branch", children: { N: node } };
    expect(readVssTree(JSON.stringify({ Vehicle: node })).problems.errors[0].text).toMatch(
      / is nested deeper than 32$/,
    );
    const deep = `${'{"children":{"a":'.repeat(100_000)}1${"}}".repeat(100_000)}`;
    expect(readVssTree(`{"V":${deep}}`).problems.errors.length).toBe(1);
  });

  it("is bounded in the number of signals that instances make", () => {
    const level = { type: "branch", instances: "I[1,999]" };
    const many = { ...level, children: { A: { ...level, children: { B: { ...level, children: { C: LEAF } } } } } };
    const { leaves, problems } = readVssTree(treeOf({ Many: many }));
    expect(leaves.length).toBeGreaterThan(19_000);
    expect(problems.errors.map(({ text }) => text)).toEqual(["more than 20000 signals and branches"]);
    const empty = { ...level, children: { A: { ...level, children: { B: { ...level, children: {} } } } } };
    expect(readVssTree(treeOf({ Empty: empty })).problems.errors[0].text).toMatch(/^more than/);
    const list = { type: "branch", instances: ["I[1,999]", "I[1,999]", "I[1,999]"], children: { C: LEAF } };
    expect(readVssTree(treeOf({ List: list })).problems.errors[0].text).toMatch(/^more than/);
  });
});
