import { execFileSync, spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { manPage } from "../../../../agent/cli/help/man-page.ts";
import { roffText } from "../../../../agent/cli/help/roff-text.ts";
import { AgentError } from "../../../../agent/core/errors.ts";
import { readCommandTree } from "../../../../scripts/packaging/command-tree.ts";
import { runCli } from "../../../fakes/daemon/cli-runner.ts";

const HAS_GROFF = spawnSync("groff", ["--version"]).status === 0;

/** Verbs as a shell would read them. */
const bash = (script: string, line: string): readonly string[] =>
  execFileSync(
    "bash",
    [
      "-c",
      `${script}\nCOMP_WORDS=(${line}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _causeway; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ],
    {
      encoding: "utf8",
    },
  )
    .trim()
    .split("\n");

describe("causeway completion", () => {
  it("prints a script by which bash completes verbs below verbs", async () => {
    const { stdout } = await runCli(["completion", "bash"]);
    expect(bash(stdout, "causeway config ge")).toEqual(["get"]);
    expect(bash(stdout, "causeway completion f")).toEqual(["fish"]);
  });

  it.each([
    ["zsh", /^#compdef causeway\n/],
    ["fish", /^complete -c causeway -f$/m],
  ])("prints that of %s, with all verbs", async (shell, start) => {
    const { stdout } = await runCli(["completion", shell]);
    expect(stdout).toMatch(start);
    expect(stdout).toContain("config");
    expect(stdout).toContain("tunnel");
  });
});

describe("causeway man", () => {
  it("is plain text of 80 columns where it is no terminal", async () => {
    const { stdout } = await runCli(["man"]);
    expect(stdout).toMatch(/^NAME\n {7}causeway - /);
    expect(stdout).toMatch(/^ {3}config set <setting> <value> \[options\]$/m);
    expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
  });

  it("knows one page, and says where a verb is told of", async () => {
    await expect(runCli(["man", "causeway"])).resolves.toHaveProperty("exitCode", 0);
    const thrown: unknown = await runCli(["man", "buffer"]).catch((error: unknown) => error);
    expect(thrown).toBeInstanceOf(AgentError);
    expect(thrown).toHaveProperty("remedy", "causeway buffer --help says what the verb does");
  });
});

describe("roffText", () => {
  it.skipIf(!HAS_GROFF)("has the text that groff has of the same page (groff is needed)", async () => {
    const page = manPage({ tree: await readCommandTree("1.2.3"), version: "1.2.3", date: "2026-11-23" });
    const args = ["-man", "-Tascii", "-rHY=0", "-rLL=120n", "-P-cbou"];
    const theirs = execFileSync("groff", args, { input: page, encoding: "utf8", stdio: ["pipe", "pipe", "ignore"] });
    // Head and foot are lines of groff's own.
    const body = theirs.trim().split("\n").slice(1, -1).join("");
    expect(roffText(page, 80).replaceAll(/\s/g, "")).toBe(body.replaceAll(/\s/g, ""));
  });
});
