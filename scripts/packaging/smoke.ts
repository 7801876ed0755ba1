import { globSync, mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { openDatabase } from "../../drivers/sqlite/database.ts";

/**
 * Runs inside a package, on its Node and for its architecture: loads every native library and every module of the program, and
 * writes to SQLite and reads back. Prints what it did as JSON; any fault ends it with a trace.
 */
async function smoke(program: string): Promise<void> {
  const load = createRequire(join(program, "package.json"));
  const natives = globSync("{agent,node_modules}/**/*.node", { cwd: program }).sort();
  for (const path of natives) {
    const library: unknown = load(join(program, path));
    if (typeof library !== "object" && typeof library !== "function") throw new Error(`${path} exports nothing`);
  }
  const modules = globSync("agent/*.{js,cjs}", { cwd: program }).filter((path) => path !== "agent/main.js");
  for (const path of modules.sort()) await import(pathToFileURL(join(program, path)).href);
  process.stdout.write(`${JSON.stringify({ natives, modules: modules.length, rows: writeRows() })}\n`);
}

/** How many of the rows written are read back by a second opening. */
function writeRows(): number {
  const folder = mkdtempSync(join(tmpdir(), "causeway-smoke-"));
  const settings = {
    file: join(folder, "smoke.db"),
    store: "outbox" as const,
    migrations: ["CREATE TABLE sample (value BLOB NOT NULL)"],
    pageBytes: 4096,
    logBytes: 1_048_576,
    check: { kind: "all" as const },
  };
  try {
    const first = openDatabase(settings);
    if (first.kind !== "open") throw new Error(first.what);
    const insert = first.database.prepare("INSERT INTO sample (value) VALUES (?)");
    for (let row = 0; row < 100; row += 1) insert.run(Buffer.alloc(1000, row));
    first.database.close();
    const second = openDatabase(settings);
    if (second.kind !== "open") throw new Error(second.what);
    const rows = second.database.prepare("SELECT value FROM sample").all().length;
    second.database.close();
    return rows;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

await smoke(process.argv[2] ?? "");
process.stdout.write("", () => process.exit(0));
