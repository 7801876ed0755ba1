import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { CommandHelp } from "../../agent/cli/help/command-tree.ts";
import { readCommandTree } from "../../scripts/packaging/command-tree.ts";

const ROOT = join(import.meta.dirname, "../..");
const DOCUMENTS = [
  "README.md",
  "scripts/packaging/debian/README.Debian",
  ...globSync("docs/*.md", { cwd: ROOT }).sort(),
];
/** What commander gives each command. */
const HELP = ["-h", "--help"];

let tree: CommandHelp;
beforeAll(async () => {
  tree = await readCommandTree("0");
});

/** Code of a document: fenced, indented, in a table or a sentence; what is indented in a list may be prose, which names no verb. */
function codeIn(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^(?:```.*\n[^]*?^```| {4}.*$)/gm)].map(([block]) => block);
  const spans = [...text.replaceAll(/^```[^]*?^```/gm, "").matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
  return [...blocks, ...spans];
}

/** Calls of the program: the words behind its name, up to what ends a command in a shell, or the next of several in a row. */
function callsIn(text: string): readonly (readonly string[])[] {
  const joined = codeIn(text)
    .join("\n")
    .replaceAll(/\\\n\s*/g, " ");
  const calls = joined.matchAll(/(?<=^|[|&;(]\s*|--\s|\$\s|\/scripts\/|\s{3})causeway ([a-z-][^\n|&;#>)]*)/gm);
  return [...calls].map(([, words = ""]) => words.split(/ {3,}/, 1).join("").trim().split(/\s+/));
}

/** What is wrong with a call: a verb or an option that the program does not have. */
function problemWith(words: readonly string[]): string | undefined {
  let command = tree;
  const known = new Set([...HELP, ...optionsOf(tree)]);
  for (const word of words) {
    const next = command.commands.find(({ path }) => path.at(-1) === word);
    if (next !== undefined) {
      command = next;
      for (const option of optionsOf(next)) known.add(option);
    } else if (word.startsWith("-") && word !== "-" && !/^-\d/.test(word)) {
      const [name = ""] = word.split("=");
      if (!known.has(name)) return `no option ${name}: causeway ${words.join(" ")}`;
    } else if (command.commands.length > 0 && /^[a-z]/.test(word)) {
      return `no verb ${word}: causeway ${words.join(" ")}`;
    }
  }
  return undefined;
}

function optionsOf({ options }: CommandHelp): readonly string[] {
  return options.flatMap(({ short, long }) => [short, long].filter((name) => name !== undefined));
}

describe("calls of the program that a document shows", () => {
  it.each(DOCUMENTS)("can be made: %s", (document) => {
    const calls = callsIn(readFileSync(join(ROOT, document), "utf8"));
    expect(calls.map(problemWith).filter((problem) => problem !== undefined)).toEqual([]);
  });

  it("are found, with what is wrong with them", () => {
    const text =
      "Run `causeway statsu`, `causeway status --wach` and `causeway config show`.\n\n    causeway ota undo\n    x | causeway publish -\n\n";
    const calls = callsIn(text);
    expect(calls).toHaveLength(5);
    expect(calls.map(problemWith).filter((problem) => problem !== undefined)).toEqual([
      "no verb undo: causeway ota undo",
      "no verb statsu: causeway statsu",
      "no option --wach: causeway status --wach",
    ]);
  });
});

describe("transcripts (```console)", () => {
  it("are in pages that a test runs", () => {
    const isShown = (document: string): boolean => /^```console$/m.test(readFileSync(join(ROOT, document), "utf8"));
    const pages = globSync("docs/**/*.md", { cwd: ROOT }).filter(isShown);
    const name = (page: string): string => page.replace(/^docs\/(.*)\.md$/, "test/integration/docs/$1.test.ts");
    expect(pages).not.toEqual([]);
    expect(pages.filter((page) => !existsSync(join(ROOT, name(page))))).toEqual([]);
  });
});

describe("docs/technician.md", () => {
  it("goes by what the program says", () => {
    const page = readFileSync(join(ROOT, "docs/technician.md"), "utf8");
    const rows = [...page.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = ""]) => cell);
    const spans = rows.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, span = ""]) => span));
    const said = spans.filter((span) => / /.test(span) || /^[A-Z_]{8,}$/.test(span));
    const phrases = said
      .flatMap((span) => span.replace(/^[0N] |^causeway: /, "").split(/ *\.{3} *| {2,}|"\w+" /))
      .filter((one) => one !== "");
    const sources = globSync("{agent,drivers}/**/*.ts", { cwd: ROOT }).map((file) =>
      readFileSync(join(ROOT, file), "utf8"),
    );
    expect(phrases.length).toBeGreaterThan(30);
    expect(phrases.filter((phrase) => !sources.some((source) => source.includes(phrase)))).toEqual([]);
  });

  it("can be read in 80 columns", () => {
    const lines = readFileSync(join(ROOT, "docs/technician.md"), "utf8").split("\n");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });
});
