import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { bagsOf } from "./bag-fields.ts";

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

/** What a file imports, types too: our files relative to the checkout, packages by name. */
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

/** The rooms of agent/ in the order in which they may import: a room imports what stands on a line above its own. */
const ROOMS: readonly (readonly string[])[] = [
  ["core"],
  ["ports"],
  ["signals", "cloud"],
  ["telemetry"],
  ["vehicle"],
  ["identity"],
  ["diagnostics", "consumer"],
  ["commands", "updates"],
  ["fleetwise", "companion"],
  ["jobs"],
  ["files", "shadows", "metrics", "tunnels", "programs"],
  ["local-api"],
  ["support"],
  // On one line: the daemon's process has nothing of the page.
  ["ui", "daemon"],
  ["cli"],
  ["main.ts"],
];
/** Rooms that make and use drivers, and read the configuration. */
const COMPOSING = ["daemon", "cli", "main.ts"];
/** Programs that run in the cloud: each is a room with a package of its own, and its main file composes it. */
const CLOUD_PROGRAMS = /^agent\/(consumer|companion)\/main\.ts$/;
const composes = (path: string): boolean => COMPOSING.includes(roomOf(path)) || CLOUD_PROGRAMS.test(path);

/** The files of the CLI that reach a driver, and which: a verb goes through the others where it can. */
const CLI_DOORS: Readonly<Record<string, string>> = {
  "agent/cli/buffer-source.ts": "sqlite",
  "agent/cli/config-change.ts": "os",
  "agent/cli/all-verbs.ts": "os",
  "agent/cli/bundle-without-agent.ts": "can os",
  "agent/cli/connect-test-parts.ts": "aws",
  "agent/cli/diagnostics/open-tester.ts": "can",
  "agent/cli/single-session.ts": "aws os",
  "agent/cli/doctor-line.ts": "aws can",
  "agent/cli/missing-pin.ts": "os",
  "agent/cli/open-bus.ts": "can",
  "agent/cli/process.ts": "can os",
  "agent/cli/diagnostics/open-isotp.ts": "can",
  "agent/cli/running-agent.ts": "os",
  "agent/cli/traffic/bit-rates.ts": "can",
  "agent/cli/traffic/link-text.ts": "can",
  "agent/cli/verbs/bus-list.ts": "can",
  "agent/cli/verbs/bus-stats.ts": "can",
  "agent/cli/verbs/bus-up.ts": "can",
  "agent/cli/verbs/can-replay.ts": "can",
  "agent/cli/verbs/cert.ts": "os",
  "agent/cli/verbs/csr.ts": "os",
  "agent/cli/verbs/logs.ts": "os",
  "agent/cli/verbs/man.ts": "os",
  "agent/cli/verbs/ota.ts": "os",
  "agent/cli/verbs/provision.ts": "os",
  "agent/cli/verbs/publish.ts": "os",
  "agent/cli/verbs/ui.ts": "os",
};

/** Which of our files the other folders may import; the first rule that fits a file counts. */
const RULES: readonly { readonly name: string; readonly from: RegExp; readonly ours: RegExp }[] = [
  { name: "config imports agent/core", from: /^config\//, ours: /^(config|agent\/core)\// },
  {
    name: "a driver imports core, ports, log formats, config types and its own folder",
    from: /^drivers\//,
    ours: /^agent\/(core|ports|signals\/log-formats)\/|^config\/schema\.ts$/,
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
  [/^better-sqlite3$/, /^(drivers\/sqlite|agent\/consumer\/folder|test|scripts)\//],
  [/^pkcs11js$/, /^(drivers\/tpm|test)\//],
  [/^socketcan$/, /^(drivers\/can|test)\//],
  [/^(aws-crt|aws-iot-device-sdk-v2)/, /^(drivers\/aws|agent\/consumer\/mqtt|test)\//],
  [/^@aws-sdk\//, /^(agent\/(consumer\/(dynamodb|kms)|companion)|test|scripts)\//],
  [/^mqtt-packet$/, /^test\//],
  [/^hyparquet-writer$/, /^(agent\/consumer\/parquet|test)\//],
  [/^(hono|@hono\/node-server|jose|openid-client)(\/|$)/, /^(agent\/companion|test)\//],
  [/^snappyjs$/, /^(agent\/fleetwise|test)\//],
  [/^protobufjs/, /^(agent\/(telemetry\/record|commands\/channels|fleetwise\/read|programs|tunnels)|test|scripts)\//],
  [/^@jellybrick\/dbus-next$/, /^(drivers\/dbus|test)\//],
  [/^unix-dgram$/, /^(drivers\/os|test)\//],
  [/^cborg/, /^(agent\/cloud|test)\//],
  [/^@marcbachmann\/cel-js$/, /^(agent\/(vehicle|telemetry\/expressions)|test)\//],
  [/^prom-client$/, /^(agent\/metrics|test)\//],
  [/^ws$/, /^(drivers\/net|test)\//],
  [/^pino$/, /^drivers\/os\//],
];

const files = sources();
const agentFiles = files.filter(({ path }) => path.startsWith("agent/"));
const isOurs = (target: string): boolean => FOLDERS.some((folder) => target.startsWith(`${folder}/`));
const roomOf = (path: string): string => path.split("/")[1];
const rankOf = (room: string): number => ROOMS.findIndex((line) => line.includes(room));

/** What stands against `path` importing `target`; undefined when nothing does. */
function brokenBy(path: string, target: string): string | undefined {
  const room = roomOf(path);
  if (target.startsWith("agent/")) {
    const other = roomOf(target);
    return other === room || rankOf(other) < rankOf(room) ? undefined : `${path} imports ${target}`;
  }
  if (target.startsWith("config/")) return room === "core" ? `${path} imports ${target}` : undefined;
  return target.startsWith("drivers/") && composes(path) ? undefined : `${path} imports ${target}`;
}

/** Files that import each other in a ring, types counted; the first ring found. */
function cycle(): readonly string[] | undefined {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const done = new Set<string>();
  const walk = (path: string, trail: readonly string[]): readonly string[] | undefined => {
    const start = trail.indexOf(path);
    if (start >= 0) return [...trail.slice(start), path];
    if (done.has(path)) return undefined;
    for (const target of byPath.get(path)?.imports ?? []) {
      const found = byPath.has(target) ? walk(target, [...trail, path]) : undefined;
      if (found !== undefined) return found;
    }
    done.add(path);
    return undefined;
  };
  for (const { path } of files) {
    const found = walk(path, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** One line a room: its files, and the rooms that it imports. */
function map(): string {
  const lines = ROOMS.flat().flatMap((room) => {
    const own = agentFiles.filter(({ path }) => roomOf(path) === room);
    if (own.length === 0) return [];
    const used = new Set(
      own.flatMap(({ imports }) => imports.filter((target) => target.startsWith("agent/")).map(roomOf)),
    );
    used.delete(room);
    const above = ROOMS.flat().filter((other) => used.has(other));
    return [`  ${room.padEnd(11)}${String(own.length).padStart(4)} files   ${above.join(" ")}`];
  });
  return ["agent/", ...lines].join("\n");
}

describe("the import rule", () => {
  it("has each room of agent/ in the list, and prints the map", () => {
    expect([...new Set(agentFiles.map(({ path }) => roomOf(path)))].filter((room) => rankOf(room) < 0)).toEqual([]);
    console.log(map());
  });

  it("lets a room import only what stands above it, and drivers only where the agent is composed", () => {
    const broken = agentFiles.flatMap(({ path, imports }) =>
      imports.filter(isOurs).flatMap((target) => brokenBy(path, target) ?? []),
    );
    expect(broken).toEqual([]);
  });

  it("lets the CLI reach drivers through few doors", () => {
    const reached = agentFiles
      .filter(({ path }) => path.startsWith("agent/cli/"))
      .map(({ path, imports }) => {
        const drivers = imports.filter((target) => target.startsWith("drivers/")).map(roomOf);
        return [path, [...new Set(drivers)].sort().join(" ")] as const;
      })
      .filter(([, drivers]) => drivers !== "");
    expect(Object.fromEntries(reached)).toEqual(CLI_DOORS);
  });

  it.each(RULES)("$name", (rule) => {
    const broken = files
      .filter((file) => rule.from.test(file.path))
      .flatMap((file) => {
        const own = file.path.startsWith("drivers/") ? file.path.split("/").slice(0, 2).join("/") : undefined;
        return file.imports
          .filter(isOurs)
          .filter((target) => !rule.ours.test(target) && (own === undefined || !target.startsWith(`${own}/`)))
          .map((target) => `${file.path} imports ${target}`);
      });
    expect(broken).toEqual([]);
  });

  it("has no cycle, not of types either", () => {
    expect(cycle()).toBeUndefined();
  });

  it.each(PACKAGES)("package %s is imported only in %s", (name, where) => {
    const broken = files
      .filter((file) => !where.test(file.path) && file.imports.some((target) => name.test(target)))
      .map((file) => file.path);
    expect(broken).toEqual([]);
  });

  it("imports config as types only, but where the agent is composed", () => {
    const broken = files
      .filter(({ path }) => path.startsWith("drivers/") || (path.startsWith("agent/") && !composes(path)))
      .filter((file) => /import (?!type)[^;]*from "[^"]*config\/(schema|policy|catalogue)\.ts"/.test(file.text))
      .map((file) => file.path);
    expect(broken).toEqual([]);
  });
});

/** Types that are handed over as one bag of named parts. */
const BAG = /(Parts|Settings|Wiring|Context)$|^Base$/;
const MOST_FIELDS = 8;

describe("bags of parts", () => {
  it("have at most eight fields, intersections counted", () => {
    const ours = files.filter(({ path }) => /^(agent|drivers|config|scripts)\//.test(path));
    const large = bagsOf(ours, BAG).filter(({ fields }) => fields.length > MOST_FIELDS);
    expect(large.map(({ path, name, fields }) => `${path} ${name}: ${fields.length}`)).toEqual([]);
  });

  it("are counted through intersections, imports, interfaces, picks and unions", () => {
    const texts = [
      { path: "a.ts", text: "export type Base = { readonly one: 1; two(): void };" },
      { path: "b.ts", text: 'import type { Base as Old } from "./a.ts"; type SumParts = Old & { three: 3 } & Old;' },
      { path: "c.ts", text: 'import { Base } from "./a.ts"; interface ThatParts extends Base { three: 3; four: 4 }' },
      { path: "d.ts", text: 'import type { Base } from "./a.ts"; type FewParts = Pick<Base, "one"> | undefined;' },
      {
        path: "e.ts",
        text: 'type All = { a: 1; b: 2; c: 3 }; type LessParts = Readonly<Omit<All, "a" | "b">> & { d: 4 };',
      },
    ];
    const counted = bagsOf(texts, BAG).map(({ name, fields }) => `${name} ${fields.join(" ")}`);
    expect(counted).toEqual([
      "Base one two",
      "SumParts one two three",
      "ThatParts one two three four",
      "FewParts one",
      "LessParts c d",
    ]);
  });
});

describe("the style that a reader relies on", () => {
  it("has no file over 400 lines", () => {
    expect(files.filter((file) => file.text.split("\n").length > 400).map((file) => file.path)).toEqual([]);
  });

  it("reads clocks, randomness and the environment only through parts below agent/", () => {
    const direct = /Date\.now|performance\.now|Math\.random|process\.env|\bsetTimeout\(|\bsetInterval\(/;
    const broken = agentFiles
      .filter(
        ({ path }) => !/^agent\/(main|cli\/process|daemon\/begin-start)\.ts$/.test(path) && !CLOUD_PROGRAMS.test(path),
      )
      .filter((file) => direct.test(file.text))
      .map((file) => file.path);
    expect(broken).toEqual([]);
  });
});
