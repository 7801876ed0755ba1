import { beforeAll, describe, expect, it } from "vitest";
import { type CommandHelp } from "../../../../agent/cli/help/command-tree.ts";
import { foldedLine, helpText } from "../../../../agent/cli/help/help-text.ts";
import { readCommandTree } from "../../../../scripts/packaging/command-tree.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

let verbs: readonly CommandHelp[] = [];
beforeAll(async () => {
  const below = (one: CommandHelp): readonly CommandHelp[] => [one, ...one.commands.flatMap(below)];
  verbs = below(await readCommandTree("0"));
});

/** What `causeway ARGS` writes before it ends. */
async function written(args: readonly string[]): Promise<{ readonly out: string; readonly thrown: unknown }> {
  const out: string[] = [];
  const thrown: unknown = await runCli(args, { onStdout: (text) => void out.push(text) }).catch(
    (error: unknown) => error,
  );
  return { out: out.join(""), thrown };
}

describe("--help", () => {
  it("fits in 80 columns, for every verb", async () => {
    const wide: string[] = [];
    for (const { path } of verbs) {
      const { out } = await written([...path, "--help"]);
      wide.push(...out.split("\n").filter((line) => line.length > 80));
    }
    expect(verbs.length).toBeGreaterThan(100);
    expect(wide).toEqual([]);
  });

  it("has an example of every verb, and the options that all have", async () => {
    const without = verbs.filter(({ commands, after }) => commands.length === 0 && !/^Examples?:\n {2}\S/m.test(after));
    expect(without.map(({ path }) => path.join(" "))).toEqual([]);
    expect((await written(["buffer", "list", "--help"])).out).toMatch(/^Global Options:\n(?: .*\n)* {2}--config/m);
  });
});

describe("helpText", () => {
  it("lets prose flow, keeps what is indented, and parts paragraphs", () => {
    expect(helpText("\none two three\nfour\n\nExample:\n  a b\n", 12)).toBe(
      "\none two\nthree four\n\nExample:\n  a b\n",
    );
  });

  it("breaks a command between words, and puts its remark before it", () => {
    expect(foldedLine("  causeway can dump --filter '123:7FF 456:7FF' can0     # two", 40)).toEqual([
      "  # two",
      "  causeway can dump --filter \\",
      "     '123:7FF 456:7FF' can0",
    ]);
  });
});

describe("a verb that does not exist", () => {
  async function told(args: readonly string[]): Promise<string> {
    const err: string[] = [];
    await runCli(args, { onStderr: (text) => void err.push(text) }).catch(() => undefined);
    return err.join("");
  }

  it.each([
    [["buffr"], "causeway: unknown verb 'buffr'\n  remedy: did you mean buffer?\n"],
    [["buffer", "lst"], "causeway: unknown verb 'lst'\n  remedy: did you mean list?\n"],
    [["buffer", "list", "--strem"], "causeway: unknown option '--strem'\n  remedy: did you mean --stream?\n"],
    [
      ["frobnicate"],
      "causeway: unknown verb 'frobnicate'\n  remedy: put --help behind the verb, or behind causeway for all verbs\n",
    ],
  ])("is answered with one that does: %s", async (args, text) => {
    expect(await told(args)).toBe(text);
  });

  it("is an object with --json", async () => {
    expect(JSON.parse(await told(["buffr", "--json"]))).toEqual({
      schemaVersion: 1,
      error: { code: "usage.invalid", what: "unknown verb 'buffr'", remedy: "did you mean buffer?" },
    });
  });
});
