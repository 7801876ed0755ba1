#!/usr/bin/env node
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Graphviz } from "@hpcc-js/wasm-graphviz";
import { z } from "zod";
import { AgentError, EXIT, errnoOf, messageOf } from "../agent/core/errors.ts";
import { campaignDocument } from "../config/campaign.ts";
import { catalogueSchema } from "../config/catalogue.ts";
import { ecuCatalogue } from "../config/ecus.ts";
import { configJsonSchema, exampleConfig } from "../config/example.ts";
import { journalCatalog } from "../config/log-catalog.ts";
import { policySchema } from "../config/policy.ts";
import type { Protocol } from "../config/proto/descriptor.ts";
import { settingsReference } from "../config/settings-reference.ts";

const ROOT = join(import.meta.dirname, "..");
const PROTO_DIR = join(ROOT, "config/proto");

const HELP = `usage: node scripts/generate.ts [--check]

Writes the files that are made from others:
  config/proto/*.desc           by protoc from the .proto files beside them
  config/agent.schema.json      from config/schema.ts, for editors
  config/catalogue.schema.json  from config/catalogue.ts, for editors
  config/campaign.schema.json   from config/campaign.ts, for editors
  config/ecus.schema.json       from config/ecus.ts, for editors
  config/policy.schema.json     from config/policy.ts, for editors
  config/agent.example.yaml     from config/schema.ts, every setting with its default
  docs/settings.md              from config/schema.ts, every setting in tables
  systemd/causeway.catalog      from config/log-texts, for journalctl --catalog
  docs/pictures/*.svg           by Graphviz from the .dot files beside them

  --check   write nothing; name the stale files and exit 1

Example:
  npm run fix
`;

type Generated = { readonly path: string; readonly content: () => Uint8Array | Promise<Uint8Array> };

const FILES: readonly Generated[] = [
  { path: "config/proto/telemetry.desc", content: () => descriptor("telemetry") },
  { path: "config/proto/commands.desc", content: () => descriptor("commands") },
  { path: "config/proto/fleetwise.desc", content: () => descriptor("fleetwise") },
  { path: "config/proto/tunnel.desc", content: () => descriptor("tunnel") },
  { path: "config/proto/program.desc", content: () => descriptor("program") },
  { path: "config/agent.schema.json", content: () => text(`${JSON.stringify(configJsonSchema(), undefined, 2)}\n`) },
  { path: "config/catalogue.schema.json", content: () => jsonSchema(catalogueSchema) },
  { path: "config/campaign.schema.json", content: () => jsonSchema(campaignDocument) },
  { path: "config/ecus.schema.json", content: () => jsonSchema(ecuCatalogue) },
  { path: "config/policy.schema.json", content: () => jsonSchema(policySchema) },
  { path: "config/agent.example.yaml", content: () => text(exampleConfig()) },
  { path: "docs/settings.md", content: () => text(settingsReference(configJsonSchema())) },
  { path: "systemd/causeway.catalog", content: () => text(journalCatalog()) },
  { path: "docs/pictures/cloud.svg", content: () => picture("docs/pictures/cloud.dot") },
];

function jsonSchema(schema: z.ZodType): Uint8Array {
  return text(`${JSON.stringify(z.toJSONSchema(schema, { io: "input" }), undefined, 2)}\n`);
}

function text(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

function descriptor(protocol: Protocol): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "causeway-generate-"));
  try {
    const out = join(folder, `${protocol}.desc`);
    execFileSync("protoc", ["-I", PROTO_DIR, "--include_imports", `--descriptor_set_out=${out}`, `${protocol}.proto`]);
    return readFileSync(out);
  } catch (thrown) {
    if (errnoOf(thrown) !== "ENOENT") throw thrown;
    throw new AgentError("input.missing", {
      what: "protoc is not installed, so config/proto/*.desc can be neither made nor checked",
      remedy: "Install the Debian package protobuf-compiler, or run ./scripts/setup test.",
      cause: thrown,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function picture(path: string): Promise<Uint8Array> {
  const graphviz = await Graphviz.load();
  return text(graphviz.dot(readFileSync(join(ROOT, path), "utf8")));
}

function current(path: string): Uint8Array | undefined {
  try {
    return readFileSync(join(ROOT, path));
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return undefined;
    throw thrown;
  }
}

async function staleFiles(): Promise<{ path: string; content: Uint8Array }[]> {
  const made = await Promise.all(FILES.map(async ({ path, content }) => ({ path, content: await content() })));
  return made.filter(({ path, content }) => {
    const found = current(path);
    return found === undefined || Buffer.compare(found, content) !== 0;
  });
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { check: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
  if (values.help === true) {
    process.stdout.write(HELP);
    return EXIT.ok;
  }
  const stale = await staleFiles();
  for (const { path, content } of stale) {
    if (values.check === true) {
      process.stderr.write(`${path} is stale: run "npm run fix" and commit the result\n`);
    } else {
      writeFileSync(join(ROOT, path), content);
      process.stderr.write(`wrote ${path}\n`);
    }
  }
  return values.check === true && stale.length > 0 ? EXIT.failed : EXIT.ok;
}

try {
  process.exitCode = await main();
} catch (thrown) {
  process.stderr.write(`${messageOf(thrown)}\n`);
  if (thrown instanceof AgentError) process.stderr.write(`${thrown.remedy}\n`);
  process.exitCode = EXIT.failed;
}
