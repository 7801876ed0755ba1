import { describe, expect, it } from "vitest";
import { withoutSetting, withSetting } from "../../../../config/edit/yaml-edit.ts";
import type { Key } from "../../../../config/yaml-file.ts";
import { yamlFileOf } from "../../../../config/yaml-file.ts";

function edit(text: string, path: readonly Key[], value: unknown): string {
  return withSetting(yamlFileOf("a.yaml", text), text, path, value);
}

const TEXT = `# my vehicle
thingName: truck-0001      # as on the plate


collect:
    batchMs: 500   # fast

    # what counts
    rules:
      - { signals: "*", mode: on-change }   # all
broker: { host: localhost, port: 8883 }  # ours
buses:
- name: can0
  driver: native

log:
# the end
`;

describe("withSetting", () => {
  it.each<[string, readonly Key[], unknown, string, string]>([
    ["a scalar, and leaves comment and spaces", ["collect", "batchMs"], 50, "batchMs: 500   #", "batchMs: 50   #"],
    ["a scalar of a map in braces", ["broker", "port"], 1883, "port: 8883 }", "port: 1883 }"],
    ["a text that YAML would read otherwise", ["thingName"], "0001", "truck-0001", '"0001"'],
    [
      "a key more in a map, indented as its neighbours",
      ["collect", "holdBytes"],
      9,
      "mode: on-change }   # all\n",
      "mode: on-change }   # all\n    holdBytes: 9\n",
    ],
    ["a key more in a map in braces", ["broker", "caFile"], "ca.pem", "8883 }", "8883, caFile: ca.pem }"],
    [
      "an entry more in a list",
      ["collect", "rules", 1],
      { signals: "A.*", mode: "off" },
      "# all\n",
      "# all\n      - signals: A.*\n        mode: off\n",
    ],
    [
      "an entry more in a list that is not indented",
      ["buses", 1],
      { name: "can1" },
      "native\n",
      "native\n- name: can1\n",
    ],
    ["what is below a key without a value", ["log", "level"], "debug", "log:\n", "log:\n  level: debug\n"],
    ["a list in the place of a list in braces", ["collect", "rules", 0, "signals"], ["a"], '"*"', "[ a ]"],
    ["a list in the place of a text", ["thingName"], ["a", "b"], " truck-0001 ", "\n  - a\n  - b "],
    ["a list in the place of a map", ["buses", 0], [1, 2], "name: can0\n  driver: native", "- 1\n  - 2"],
  ])("changes %s", (_, path, value, before, after) => {
    expect(TEXT).toContain(before);
    expect(edit(TEXT, path, value)).toBe(TEXT.replace(before, after));
  });

  it("adds a section at the end, and begins an empty file", () => {
    expect(edit("a: 1\n", ["b", "c"], [1])).toBe("a: 1\nb:\n  c:\n    - 1\n");
    expect(edit("a: 1", ["b"], 2)).toBe("a: 1\nb: 2");
    expect(edit("", ["b", "c"], 2)).toBe("b:\n  c: 2\n");
    expect(edit("# nothing yet\n", ["b"], 2)).toBe("# nothing yet\nb: 2\n");
  });

  it("keeps the comment of a key that has no value yet", () => {
    expect(edit("a:\n  b: # why\n  c:   1\n", ["a", "b"], 2)).toBe("a:\n  b: 2 # why\n  c:   1\n");
    expect(edit("a: # why\nb:\n", ["a"], "x")).toBe("a: x # why\nb:\n");
  });

  it("keeps lines that end as on other systems", () => {
    expect(edit("a: 1\r\nb: 2\r\n", ["a"], 3)).toBe("a: 3\r\nb: 2\r\n");
  });

  it("writes beside text in many lines what reads as it should", () => {
    const text = "a: |\n  one\n  two\nb: >-\n  x\n  y\n# end\n";
    const edited = edit(text, ["c"], "z");
    expect(yamlFileOf("a.yaml", edited).value).toEqual({ a: "one\ntwo\n", b: "x y", c: "z" });
    expect(edited).toContain("# end");
    expect(yamlFileOf("a.yaml", edit(text, ["b"], "new")).value).toEqual({ a: "one\ntwo\n", b: "new" });
  });

  it("refuses what stands behind an alias, an index that is not next, and a way through a text", () => {
    const aliased = "a: &x { b: 1 }\nc: *x\n";
    expect(() => edit(aliased, ["c", "b"], 2)).toThrow(/c is no map there/);
    expect(() => edit(TEXT, ["buses", 3], {})).toThrow(/buses has 1 entries there/);
    expect(() => edit(TEXT, ["thingName", "b"], 2)).toThrow(/thingName is no map there/);
  });

  it("refuses to take away what an alias stands for", () => {
    expect(() => edit("a: { b: &x 5, c: *x }\n", ["a", "b"], 6)).toThrow(/\*x elsewhere stands for what a\.b has now/);
    expect(() => edit("a: &x { b: 1 }\nc: *x\n", ["a"], 6)).toThrow(/\*x elsewhere stands for what a has now/);
    expect(edit("a: &x 5\nb: 1\n", ["a"], 6)).toContain("6\nb: 1\n");
  });

  it("changes what an anchor names, and with it what stands for it", () => {
    const edited = edit("a: &x { b: 1 }\nc: *x\n", ["a", "b"], 2);
    expect(edited).toBe("a: &x { b: 2 }\nc: *x\n");
  });
});

describe("withoutSetting", () => {
  const cut = (text: string, path: readonly Key[]): string => withoutSetting(yamlFileOf("a.yaml", text), text, path);

  it.each<[string, readonly Key[], string, string]>([
    ["a scalar with the comment behind it", ["collect", "batchMs"], "    batchMs: 500   # fast\n", ""],
    ["a section, and leaves the lines about it", ["broker"], "broker: { host: localhost, port: 8883 }  # ours\n", ""],
    ["a key of a map in a list", ["buses", 0, "driver"], "  driver: native\n", ""],
    [
      "the only entry of a list",
      ["collect", "rules", 0],
      'rules:\n      - { signals: "*", mode: on-change }   # all',
      "rules: []",
    ],
    ["a key without a value", ["log"], "log:\n", ""],
  ])("takes away %s", (_, path, before, after) => {
    expect(TEXT).toContain(before);
    expect(cut(TEXT, path)).toBe(TEXT.replace(before, after));
  });

  it("takes one of some entries, and what shares its line with others", () => {
    expect(cut("a:\n  - x   # one\n  - y\n", ["a", 0])).toBe("a:\n  - y\n");
    expect(cut("a:\n- b: 1\n  c: 2\n- d: 3\n", ["a", 0])).toBe("a:\n- d: 3\n");
    expect(yamlFileOf("a.yaml", cut("a:\n- b: 1\n  c: 2\n", ["a", 0, "b"])).value).toEqual({ a: [{ c: 2 }] });
    expect(yamlFileOf("a.yaml", cut("a: { b: 1, c: 2 } # why\n", ["a", "b"])).value).toEqual({ a: { c: 2 } });
    expect(cut("a: |\n  one\n  two\nb: 2\n", ["a"])).toBe("b: 2\n");
    expect(cut("a: 1\r\nb: 2\r\n", ["b"])).toBe("a: 1\r\n");
  });

  it("leaves what held it alone as an empty map", () => {
    expect(cut("a:\n  b: 1\nc: 2\n", ["a", "b"])).toBe("a: {}\nc: 2\n");
    expect(yamlFileOf("a.yaml", cut("# all\na: 1\n", ["a"])).value).toEqual({});
  });

  it("refuses to take away what an alias stands for", () => {
    expect(() => cut("a: &x { b: 1 }\nc: *x\n", ["a"])).toThrow(/\*x elsewhere stands for what a has now/);
  });
});
