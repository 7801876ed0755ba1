import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { freePorts } from "../../bench/core/ports.ts";

const ROOT = join(import.meta.dirname, "../../..");
/** Stands before the number of the command whose output follows. */
const MARK = "\u0001";
/** What waits for a part in the page; it looks ten times a second, and 30 s at most. */
const UNTIL =
  'wait_until() { for _ in $(seq 300); do eval "$1" > /dev/null 2>&1 && return; sleep 0.1; done; echo "never: $1"; }';

/** A piece of the page: a file to write, a command with the output that it shows, or a condition to wait for. */
type Piece =
  | { readonly kind: "file"; readonly name: string; readonly content: string }
  | { readonly kind: "command"; readonly line: string; readonly output: string }
  | { readonly kind: "until"; readonly condition: string };

function piecesOf(page: string): readonly Piece[] {
  const pieces: Piece[] = [];
  for (const [, language = "", name = "", content = "", condition = ""] of page.matchAll(
    /^```(\w+)(?: (\S+))?\n([^]*?)^```$|^<!-- until: (.*) -->$/gm,
  )) {
    if (condition !== "") pieces.push({ kind: "until", condition });
    else if (name !== "") pieces.push({ kind: "file", name, content });
    else if (language === "console") pieces.push(...commandsOf(content));
  }
  return pieces;
}

function commandsOf(transcript: string): readonly Piece[] {
  return transcript
    .split(/^\$ /m)
    .slice(1)
    .map((text) => {
      const [line = "", ...output] = text.split("\n");
      return { kind: "command", line, output: output.join("\n") };
    });
}

/** A script for bash that does what the page says, with a mark before the output of each command. */
function scriptOf(pieces: readonly Piece[]): string {
  const lines = pieces.flatMap((piece, at) => {
    if (piece.kind === "until") return [`wait_until '${piece.condition.replaceAll("'", "'\\''")}'`];
    return piece.kind === "command" ? [`printf '${MARK}%s\\n' ${at}`, piece.line] : [];
  });
  return ["trap 'kill $(jobs -p) 2> /dev/null; wait' EXIT", UNTIL, ...lines, `printf '${MARK}end\\n'`].join("\n");
}

/** Output as the page shows it: "..." is anything in a line, and alone in one any number of lines. Blanks count as one. */
function patternOf(shown: string): RegExp {
  const lines = shown === "" ? [] : shown.trimEnd().split("\n");
  const patterns = lines.map((line) => {
    if (line === "...") return "(?:.*\\n)*?";
    const parts = line
      .split("...")
      .map((part) => part.replaceAll(/ +/g, " ").replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"))
      // A number that is anything may be 1.
      .map((part, at) => (at === 0 ? part : part.replace(/^( \w+)s\b/, "$1s?")));
    return `${parts.join(".*")}\\n`;
  });
  return new RegExp(`^${patterns.join("")}$`);
}

async function runScript(script: string, folder: string): Promise<string> {
  const file = join(folder, "output");
  const output = openSync(file, "w");
  const bash = spawn("bash", ["-c", script], {
    cwd: join(folder, "page"),
    stdio: ["ignore", output, output],
    env: { ...process.env, PATH: `${join(ROOT, "scripts")}:${process.env.PATH ?? ""}`, TSS2_LOG: "all+none" },
  });
  await once(bash, "exit");
  return readFileSync(file, "utf8");
}

describe("docs/getting-started.md", { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "causeway-getting-started-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it("leads from nothing to decoded rows, with the output that it shows", async () => {
    const [broker, tpm] = [await freePorts(1), await freePorts(2)];
    const page = readFileSync(join(ROOT, "docs/getting-started.md"), "utf8")
      .replaceAll(/\b8883\b/g, String(broker))
      .replaceAll(/\b2321\b/g, String(tpm))
      .replaceAll(/\b2322\b/g, String(tpm + 1));
    const pieces = piecesOf(page);
    mkdirSync(join(folder, "page"));
    for (const piece of pieces) {
      if (piece.kind === "file") writeFileSync(join(folder, "page", piece.name), piece.content);
    }
    const output = await runScript(scriptOf(pieces), folder);
    const outputs = new Map(
      output.split(MARK).map((text) => {
        const [at = "", ...lines] = text.split("\n");
        return [at, lines.join("\n")] as const;
      }),
    );
    expect(pieces.filter(({ kind }) => kind === "command").length).toBeGreaterThan(20);
    const wrong = pieces.flatMap((piece, at) => {
      const found = (outputs.get(String(at)) ?? "").replaceAll(/ +/g, " ");
      return piece.kind !== "command" || patternOf(piece.output).test(found) ? [] : [{ ...piece, found }];
    });
    expect(wrong).toEqual([]);
    expect(outputs.has("end")).toBe(true);
  });
});
