import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { AgentError, messageOf } from "../../agent/core/errors.ts";

const ROOT = join(import.meta.dirname, "../..");
const FOLDER = join(ROOT, "config/aws");

/** A template's file, by the path it is called by, and what it holds. */
export type TemplateFile = { readonly file: string; readonly text: string };

/** The templates of config/aws, or the named files. Throws `input.missing`. */
export function templateFiles(paths: readonly string[] = []): readonly TemplateFile[] {
  const named = paths.length > 0 ? paths : ownTemplates();
  return named.map((path) => ({ file: paths.length > 0 ? path : relative(ROOT, path), text: readText(path) }));
}

function ownTemplates(): readonly string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".yaml") && !name.endsWith(".example.yaml"))
    .toSorted()
    .map((name) => join(FOLDER, name));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (thrown) {
    throw new AgentError("input.missing", {
      what: `${path}: ${messageOf(thrown)}`,
      remedy: "name a template, or none for all of config/aws",
    });
  }
}
