import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { FAULTS } from "../../agent/core/errors.ts";
import { configJsonSchema } from "../../config/example.ts";
import { alternatives, itemSchemas, type JsonSchema, keySchemas } from "../../config/json-schema.ts";

const ROOT = join(import.meta.dirname, "../..");
const DECISIONS = "docs/decisions";
const DOCUMENTS = ["README.md", "CONTRIBUTING.md", "test/bench/README.md", ...globSync("docs/**/*.md", { cwd: ROOT })];
const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")));

/** Paths from the root of the checkout; they may hold `*` and `{a,b}`. */
const FROM_ROOT = /(?<![\w$/{}.-])(?:\.\/)?(?:agent|drivers|config|scripts|systemd|test|docs|\.ci)\/[\w.*{},/-]*/g;
/** A source beside the document, in code; a folder beside it, first in the row of a table; the target of a link. */
const BESIDE = /(?<=`)[\w/*-]+\.ts(?=`)|(?<=^\| `)[\w/-]+\/(?=`)|(?<=\]\()[^):#]+(?=\))/gm;
const NPM = /\bnpm (?:run (?:--\S+ )*([\w:-]+)|(test)\b)/g;

const CONFIG = alternatives(configJsonSchema());
/** What has dots and begins as a setting does: an action, and the outbox's files. */
const OTHER_NAMES = [
  "support.collect",
  "outbox.db",
  "outbox.db.watermark",
  "outbox.db.damaged-1",
  "outbox.key",
  "outbox.key.lost",
];

/** Settings, by their path from the top of the configuration, that a document names and that the schema does not have. */
function unknownSettings(text: string): string[] {
  return [...text.matchAll(/`(\w+(?:\.[\w-]+)+)`/g)]
    .map(([, name = ""]) => name)
    .filter((name) => keySchemas(CONFIG, name.split(".")[0] ?? "").length > 0)
    .filter((name) => !OTHER_NAMES.includes(name) && !Object.hasOwn(FAULTS, name) && !isSetting(name));
}

function isSetting(name: string): boolean {
  const below = (schemas: readonly JsonSchema[], key: string): readonly JsonSchema[] =>
    keySchemas([...schemas, ...itemSchemas(schemas)], key);
  return name.split(".").reduce(below, CONFIG).length > 0;
}

/** A name in code, and the source that holds it: `name` of `file.ts`, `name` in `file.ts`, `file.ts`, `name`. */
const HELD = [/`(?<name>\w+)` (?:of|in) `(?<file>[\w/.-]+\.ts)`/g, /`(?<file>[\w/.-]+\.ts)`, `(?<name>\w+)`/g];

/** Names that a document says are in a source, and that are not. */
function strayNames(text: string): string[] {
  return HELD.flatMap((form) => [...text.matchAll(form)])
    .map(({ groups: { name = "", file = "" } = {} }) => ({ name, file: join(ROOT, file) }))
    .filter(({ name, file }) => !existsSync(file) || !new RegExp(`\\b${name}\\b`).test(readFileSync(file, "utf8")))
    .map(({ name, file }) => `${name} in ${relative(ROOT, file)}`);
}

/** Paths and npm scripts that a document in `folder` names and that are not there. A path is one from the root of the checkout, or of a file beside the document. */
function missingIn(text: string, folder: string): string[] {
  const paths = [...text.matchAll(FROM_ROOT), ...text.matchAll(BESIDE)]
    .map(([path]) => path.replace(/[.,]+$/, ""))
    .filter((path) => !exists(path) && !exists(join(folder, path)));
  const commands = [...text.matchAll(NPM)]
    .map(([, run, test]) => run ?? test ?? "")
    .filter((name) => !Object.hasOwn(scripts, name))
    .map((name) => `npm run ${name}`);
  return [...new Set([...paths, ...commands])];
}

/** Links to a heading that is not there; GitHub makes its anchor of the words. `folder` is that of the document. */
function missingAnchors(text: string, folder: string, name: string): string[] {
  const links = [...text.matchAll(/\]\(([^)#:\s]*)#([^)\s]+)\)/g)];
  return links
    .filter(([, target = "", anchor = ""]) => {
      const file = join(ROOT, folder, target === "" ? name : target);
      return !existsSync(file) || !anchorsOf(readFileSync(file, "utf8")).includes(anchor);
    })
    .map(([, target, anchor]) => `${target}#${anchor}`);
}

function anchorsOf(text: string): readonly string[] {
  const headings = [...text.replaceAll(/^```[^]*?^```/gm, "").matchAll(/^#+ (.*)$/gm)];
  return headings.map(([, words = ""]) =>
    words
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, "")
      .trim()
      .replaceAll(/\s/g, "-"),
  );
}

/** Whether there is such a file, or for a name without its ending such a source. NAME stands for any; of `{a,b}` each must be there. */
function exists(path: string): boolean {
  const [whole = "", choices] = /\{([^}]*)\}/.exec(path) ?? [];
  if (choices !== undefined) return choices.split(",").every((one) => exists(path.replace(whole, one)));
  const pattern = path.replaceAll("NAME", "*");
  if (!pattern.includes("*")) return existsSync(join(ROOT, path)) || existsSync(join(ROOT, `${path}.ts`));
  return globSync([pattern, `${pattern}.ts`], { cwd: ROOT }).length > 0;
}

describe("what the documents name", () => {
  it.each(DOCUMENTS)("is there: %s", (document) => {
    const text = readFileSync(join(ROOT, document), "utf8");
    const anchors = missingAnchors(text, dirname(document), basename(document));
    expect([...missingIn(text, dirname(document)), ...strayNames(text), ...unknownSettings(text), ...anchors]).toEqual(
      [],
    );
  });

  it.each(DOCUMENTS)("is no two versions of one thing, left by a merge: %s", (document) => {
    expect(readFileSync(join(ROOT, document), "utf8")).not.toMatch(/^(<{7}|>{7}) /m);
  });

  it("has the queries of docs/queries as they are run, with their output", () => {
    const text = readFileSync(join(ROOT, "docs/cloud.md"), "utf8");
    const queries = globSync("docs/queries/*.sql", { cwd: ROOT }).filter((file) => !file.endsWith("/views.sql"));
    expect(queries).toHaveLength(8);
    expect(queries.filter((file) => !text.includes(readFileSync(join(ROOT, file), "utf8")))).toEqual([]);
  });

  it("has every document, in docs/README.md", () => {
    const listed = [...readFileSync(join(ROOT, "docs/README.md"), "utf8").matchAll(/\]\(([\w-]+\.md)\)/g)];
    const others = globSync("*.md", { cwd: join(ROOT, "docs") }).filter((file) => file !== "README.md");
    expect(listed.map(([, file]) => file).sort()).toEqual(others.sort());
  });

  it("has every room of agent/", () => {
    const text = readFileSync(join(ROOT, "CONTRIBUTING.md"), "utf8");
    expect(readdirSync(join(ROOT, "agent")).filter((room) => !text.includes(`\`agent/${room}\``))).toEqual([]);
  });

  it("is looked for from the root and beside the document", () => {
    const text =
      "See `README.md`, [why](own-tar-reader.md), test/unit/docs.test.ts, ./scripts/test, config/*.yaml, drivers/can/NAME-bus.ts, test/{unit,guest} and npm test.";
    expect(missingIn(text, DECISIONS)).toEqual([]);
  });

  it("is said to be missing", () => {
    const text =
      "See `gone.ts`, [why](no.md), agent/no/room.ts, ./scripts/nothing, config/*.none, test/{unit,none}, npm run never and npm run test.\n| `no/` |";
    expect(missingIn(text, DECISIONS)).toEqual([
      "agent/no/room.ts",
      "./scripts/nothing",
      "config/*.none",
      "test/{unit,none}",
      "gone.ts",
      "no.md",
      "no/",
      "npm run never",
    ]);
  });

  it("is looked for in the source, where it is a name", () => {
    const text = "`main` of `agent/main.ts`; `agent/main.ts`, `nowhere`; `advance` in `agent/gone.ts`";
    expect(strayNames(text).sort()).toEqual(["advance in agent/gone.ts", "nowhere in agent/main.ts"]);
  });

  it("is looked for in the configuration, where it is a setting", () => {
    const text = "`outbox.maxBytes`, `dbc.encoding`, `outbox.maxBites`, `broker.unfit`, `package.json`";
    expect(unknownSettings(text)).toEqual(["outbox.maxBites"]);
  });

  it("is looked for among the headings, where it is an anchor", () => {
    const text = "## One, two\n[one](#one-two), [three](#three), [there](README.md#decisions), [gone](README.md#gone)";
    expect(missingAnchors(text, DECISIONS, "one-command-a-key.md")).toEqual(["#one-two", "#three", "README.md#gone"]);
    expect(anchorsOf(text)).toEqual(["one-two"]);
  });

  it("leaves topics, and folders of a vehicle, alone", () => {
    expect(
      missingIn("`$aws/commands/config/x`, {prefix}/agent/y, /etc/causeway/config/z, stateDir/config/a", "."),
    ).toEqual([]);
  });
});

describe("the decisions", () => {
  const records = globSync(`${DECISIONS}/*.md`, { cwd: ROOT }).filter((file) => !file.endsWith("README.md"));

  it("are all listed", () => {
    const listed = [...readFileSync(join(ROOT, DECISIONS, "README.md"), "utf8").matchAll(/\]\(([\w-]+\.md)\)/g)];
    expect(listed.map(([, name]) => name).sort()).toEqual(records.map((file) => relative(DECISIONS, file)).sort());
  });

  it.each(records)("fit a page and say what would change them: %s", (file) => {
    const text = readFileSync(join(ROOT, file), "utf8");
    expect(text.split("\n").length).toBeLessThanOrEqual(41);
    expect(text.match(/^## .*$/gm)).toEqual([
      "## Context",
      "## Decision",
      "## Consequences",
      "## What would change our mind",
    ]);
  });
});
