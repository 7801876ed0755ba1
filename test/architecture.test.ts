import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "..");
const FOLDERS = ["agent", "drivers", "config", "scripts", "test"] as const;

type Source = { readonly path: string; readonly text: string; readonly imports: readonly string[] };

function sources(): Source[] {
  return FOLDERS.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
      .map((name) => join(folder, name))
      .filter((path) => path.endsWith(".ts") && !path.includes("node_modules") && !path.includes("/build/"))
      .map((path) => {
        const text = readFileSync(join(ROOT, path), "utf8");
        return { path, text, imports: importsOf(path, text) };
      }),
  );
}

/** What a file imports: our files relative to the checkout, packages by name. */
function importsOf(path: string, text: string): string[] {
  const specifiers = [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^;"']*?from\s*"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s+"([^"]+)"/g,
    ),
  ];
  return specifiers.map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3];
    return specifier.startsWith(".") ? relative(".", normalize(join(dirname(path), specifier))) : specifier;
  });
}

type Rule = { readonly name: string; readonly from: RegExp; readonly ours: RegExp };

/** Which of our files each folder may import; the first rule that fits a file counts. */
const RULES: readonly Rule[] = [
  { name: "agent/core imports nothing of ours", from: /^agent\/core\//, ours: /^agent\/core\// },
  { name: "config imports agent/core", from: /^config\//, ours: /^(config|agent\/core)\// },
  {
    name: "agent/data and agent/control import core, ports and config types",
    from: /^agent\/(data|control)\//,
    ours: /^agent\/(core|data|control)\/|^agent\/(update-)?ports\.ts$|^config\/(schema|policy|catalogue)\.ts$/,
  },
  {
    name: "agent/ports and agent/status import core and data",
    from: /^agent\/(ports|broker-port|journal-port|key-port|notifier-port|proxy-port|status)\.ts$/,
    ours: /^agent\/(core|data)\/|^agent\/(ports|broker-port|journal-port|key-port|notifier-port|proxy-port)\.ts$/,
  },
  {
    name: "agent/compose, main and cli import everything but scripts and test",
    from: /^agent\//,
    ours: /^(agent|drivers|config)\//,
  },
  {
    name: "a driver imports core, ports, the pure frame formats, config types and its own folder",
    from: /^drivers\//,
    ours: /^agent\/core\/|^agent\/(update-)?ports\.ts$|^agent\/data\/(frame|candump|log-lines)\.ts$|^config\/schema\.ts$/,
  },
  {
    name: "scripts import config, drivers, agent and test/bench",
    from: /^scripts\//,
    ours: /^(config|drivers|agent|scripts|test\/bench)\//,
  },
];

/** Packages that only one place may know. */
const PACKAGES: readonly (readonly [name: RegExp, where: RegExp])[] = [
  [/^commander$/, /^(agent\/(cli\/|main\.ts)|scripts\/|test\/)/],
  [/^better-sqlite3$/, /^(drivers\/sqlite|test|scripts)\//],
  [/^pkcs11js$/, /^(drivers\/tpm|test)\//],
  [/^socketcan$/, /^(drivers\/can|test)\//],
  [/^(aws-crt|aws-iot-device-sdk-v2)/, /^(drivers\/aws|test)\//],
  [/^protobufjs/, /^(agent\/data|test|scripts)\//],
  [/^@jellybrick\/dbus-next$/, /^(drivers\/dbus|test)\//],
  [/^unix-dgram$/, /^(drivers\/os|test)\//],
  [/^cborg/, /^(agent\/control|test)\//],
  [/^@marcbachmann\/cel-js$/, /^agent\//],
  [/^pino$/, /^drivers\/os\//],
];

describe("the import rule", () => {
  const files = sources();

  it.each(RULES)("$name", (rule) => {
    const index = RULES.indexOf(rule);
    const broken = files
      .filter((file) => RULES.findIndex(({ from }) => from.test(file.path)) === index)
      .flatMap((file) => {
        const own = file.path.startsWith("drivers/") ? file.path.split("/").slice(0, 2).join("/") : undefined;
        return file.imports
          .filter((target) => FOLDERS.some((folder) => target.startsWith(`${folder}/`)))
          .filter((target) => !rule.ours.test(target) && (own === undefined || !target.startsWith(`${own}/`)))
          .map((target) => `${file.path} imports ${target}`);
      });
    expect(broken).toEqual([]);
  });

  it.each(PACKAGES)("package %s is imported only in %s", (name, where) => {
    const broken = files
      .filter((file) => !where.test(file.path) && file.imports.some((target) => name.test(target)))
      .map((file) => file.path);
    expect(broken).toEqual([]);
  });

  it("imports config as types only below agent/data, agent/control and drivers", () => {
    const broken = files
      .filter((file) => /^(agent\/(data|control)|drivers)\//.test(file.path))
      .filter((file) => /import (?!type)[^;]*from "[^"]*config\/(schema|policy|catalogue)\.ts"/.test(file.text))
      .map((file) => file.path);
    expect(broken).toEqual([]);
  });
});

describe("the style that a reader relies on", () => {
  const files = sources();

  it("has no file over 400 lines", () => {
    expect(files.filter((file) => file.text.split("\n").length > 400).map((file) => file.path)).toEqual([]);
  });

  it("reads clocks, randomness and the environment only through parts below agent/", () => {
    const direct = /Date\.now|performance\.now|Math\.random|process\.env|\bsetTimeout\(|\bsetInterval\(/;
    const broken = files
      .filter((file) => file.path.startsWith("agent/") && !/^agent\/(main\.ts|compose\.ts)$/.test(file.path))
      .filter((file) => direct.test(file.text))
      .map((file) => file.path);
    expect(broken).toEqual([]);
  });
});
