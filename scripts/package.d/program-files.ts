import { existsSync, globSync, readFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { dirname, join } from "node:path";
import { AgentError } from "../../agent/core/errors.ts";
import { writePacked } from "./files.ts";

/** The folders that ship. Tests, the bench and these scripts never do. */
const SHIPPED = "{agent,drivers,config}/**/*.ts";

/** Read by the program at run time, beside the code that reads it. */
const DATA_FILES = ["config/proto/telemetry.desc", "config/proto/commands.desc"] as const;

/**
 * Our own files written as JavaScript below `destination`; gives the names of the npm packages that they import. Types are blanked out, so a line and column in a stack trace is the
 * one in the source.
 *
 * Node could run the .ts files as they are; measured, that costs 100 ms and 30 MB of memory at each start.
 */
export function packProgram(root: string, destination: string): Set<string> {
  const sources = globSync(SHIPPED, { cwd: root })
    .filter((path) => !path.includes("/build/"))
    .sort();
  for (const path of sources) {
    writePacked(join(destination, scriptName(path)), toJavaScript(readFileSync(join(root, path), "utf8")));
  }
  for (const path of sources) requireImports(destination, scriptName(path));
  for (const path of DATA_FILES) writePacked(join(destination, path), readFileSync(join(root, path)));
  return new Set(sources.flatMap((path) => packagesOf(readFileSync(join(destination, scriptName(path)), "utf8"))));
}

/**
 * JavaScript of one TypeScript file that has only erasable syntax: relative paths to .ts files become .js, and the line that names
 * an interpreter goes, since /usr/bin/causeway is what is run.
 */
export function toJavaScript(source: string): string {
  return stripTypeScriptTypes(source.replace(/^#!.*/, "")).replaceAll(/(["'])(\.{1,2}\/[^"'\n]*)\.ts\1/g, "$1$2.js$1");
}

/** Names of the npm packages in the imports of one JavaScript file, scope included. */
export function packagesOf(script: string): string[] {
  const imports = script.matchAll(
    /\b(?:from|import|import\(|require\()\s*(["'])((?:@[\w.-]+\/)?[\w.-]+)(?:\/[^"'\n]*)?\1/g,
  );
  return [...imports].map(([, , name = ""]) => name).filter((name) => !name.startsWith("."));
}

function scriptName(path: string): string {
  return path.replace(/\.ts$/, ".js");
}

function requireImports(folder: string, path: string): void {
  const text = readFileSync(join(folder, path), "utf8");
  for (const [, , target] of text.matchAll(/(["'])(\.{1,2}\/[^"'\n]*\.js)\1/g)) {
    if (target === undefined || existsSync(join(folder, dirname(path), target))) continue;
    throw new AgentError("input.missing", {
      what: `${path} names ${target}, which is not packed`,
      remedy: "what the program imports must be in agent/, drivers/ or config/",
    });
  }
}
