import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseBenchOptions } from "../bench/run/bench-options.ts";

const ROOT = join(import.meta.dirname, "../..");
const DOCUMENTS = ["README.md", "CONTRIBUTING.md", "test/bench/README.md", ...globSync("docs/**/*.md", { cwd: ROOT })];

/**
 * What a block of code says it is (CONTRIBUTING.md, "Code in documents"): `console` is a transcript that a test runs, `console shown` one that none
 * does, `sh` commands that none runs, and of the others none is a command.
 */
const KINDS = /^(console|console shown|sh|yaml( [\w.-]+)?|json|sql|ts|python|c|proto|dbc [\w.-]+|text( [\w.-]+)?)$/;
/** How a command begins: a prompt, a program of the checkout or the package, or one that a system has. */
const COMMAND =
  /^(\$ |\. [\w.]|(\.\/)?scripts\/\w|(causeway|sudo|runuser|apt|apt-get|systemctl|journalctl|systemd-creds|systemd-run|openssl|node|npm|npx|mosquitto_sub|mosquitto_pub|aws|groupadd|cp|mkdir|ssh|curl|git|ip|candump|cansend)( |$))/;

type Block = { readonly line: number; readonly kind: string | undefined; readonly body: readonly string[] };

/** Blocks of code of a document; `kind` is undefined for one that is indented. What is indented in a list is prose. */
function blocksOf(text: string): readonly Block[] {
  const blocks: Block[] = [];
  const lines = text.split("\n");
  for (let at = 0; at < lines.length; at += 1) {
    const fence = /^```(.*)$/.exec(lines[at] ?? "");
    const isIndented = fence === null && isCode(lines[at]) && lines[at - 1] === "" && !isInList(lines, at);
    if (fence === null && !isIndented) continue;
    const from = fence === null ? at : at + 1;
    let to = from;
    while (to < lines.length && (fence === null ? isCode(lines[to]) : lines[to] !== "```")) to += 1;
    blocks.push({
      line: at + 1,
      kind: fence?.[1],
      body: lines.slice(from, to).map((line) => line.replace(/^ {4}/, "")),
    });
    at = to;
  }
  return blocks;
}

function isCode(line: string | undefined): boolean {
  return line?.startsWith("    ") === true;
}

function isInList(lines: readonly string[], at: number): boolean {
  const before = lines.slice(0, at).findLast((line) => line !== "" && !isCode(line));
  return /^\s*(-|\d+\.) /.test(before ?? "") || /^ {1,3}\S/.test(before ?? "");
}

/** Where a block is not marked, or marked as what it is not. */
function unmarked({ line, kind, body }: Block): readonly string[] {
  if (kind !== undefined) return KINDS.test(kind) ? [] : [`line ${line}: no kind of block: ${kind}`];
  const first = body.find((one) => !one.startsWith("#")) ?? "";
  return COMMAND.test(first) ? [`line ${line}: mark it as sh, or as console: ${first}`] : [];
}

/** What bash has against commands that nobody runs. */
function faultsOf({ line, body }: Block): readonly string[] {
  const { stderr } = spawnSync("bash", ["-n"], { input: body.join("\n"), encoding: "utf8" });
  return stderr === "" ? [] : [`line ${line}: ${stderr.trim()}`];
}

/** Calls of scripts/bench whose options it does not take. */
function wrongBenches({ line, body }: Block): readonly string[] {
  const calls = body.join("\n").matchAll(/(?:^|\s)(?:\.\/)?scripts\/bench( [^\n#|&;]*)?/g);
  return [...calls].flatMap(([, args = ""]) => {
    try {
      parseBenchOptions(
        args
          .trim()
          .split(/\s+/)
          .filter((word) => word !== ""),
      );
      return [];
    } catch (error) {
      return [`line ${line}: scripts/bench${args}: ${String(error)}`];
    }
  });
}

describe("blocks of code in a document", () => {
  it.each(DOCUMENTS)("say what they are, and commands among them can be read by a shell: %s", (document) => {
    const blocks = blocksOf(readFileSync(join(ROOT, document), "utf8"));
    const commands = blocks.filter(({ kind }) => kind === "sh");
    expect([...blocks.flatMap(unmarked), ...commands.flatMap(faultsOf), ...commands.flatMap(wrongBenches)]).toEqual([]);
  });

  it("are found, with what is wrong with them", () => {
    const text =
      "Run\n\n    causeway status\n\nor\n\n```sh\nif true\n```\n\n```bash\nls\n```\n\n```sh\n./scripts/bench --sek 5 # five\n```\n\n- in a list\n\n    causeway is prose\n";
    const blocks = blocksOf(text);
    expect(blocks.map(({ line, kind }) => [line, kind])).toEqual([
      [3, undefined],
      [7, "sh"],
      [11, "bash"],
      [15, "sh"],
    ]);
    expect(blocks.flatMap(unmarked)).toEqual([
      "line 3: mark it as sh, or as console: causeway status",
      "line 11: no kind of block: bash",
    ]);
    const commands = blocks.filter(({ kind }) => kind === "sh");
    expect(commands.flatMap(faultsOf)).toEqual([expect.stringContaining("line 7: bash: line 2: syntax error")]);
    expect(commands.flatMap(wrongBenches)).toEqual([expect.stringContaining("Unknown option '--sek'")]);
  });
});
