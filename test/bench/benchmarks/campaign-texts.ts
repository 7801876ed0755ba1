import type { Json } from "./campaign-grammar.ts";

/** A document as YAML as people write it: a line for each field, and one for each item of a list. */
export function yamlOf(document: { [key: string]: Json }): string {
  return Object.entries(document)
    .map(([key, value]) => {
      if (!Array.isArray(value) || value.length === 0) return `${keyOf(key)}: ${flowOf(value)}\n`;
      return `${keyOf(key)}:\n${value.map((item) => `  - ${flowOf(item)}\n`).join("")}`;
    })
    .join("");
}

function flowOf(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(flowOf).join(", ")}]`;
  if (typeof value === "number") return numberOf(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const pairs = Object.entries(value).map(([key, one]) => `${keyOf(key)}: ${flowOf(one)}`);
  return `{${pairs.join(", ")}}`;
}

function keyOf(key: string): string {
  return /^\w+$/.test(key) ? key : JSON.stringify(key);
}

function numberOf(value: number): string {
  if (Number.isNaN(value)) return ".nan";
  if (Number.isFinite(value)) return Object.is(value, -0) ? "-0.0" : `${value}`;
  return value > 0 ? ".inf" : "-.inf";
}

/** Documents that are as large as a file may be, each in one way; made for what they cost. */
export function heavyTexts(): ReadonlyMap<string, string> {
  const head = "schemaVersion: 1\nid: heavy\nversion: 1\n";
  const list = (count: number, make: (at: number) => string): string =>
    Array.from({ length: count }, (_, at) => make(at)).join("\n");
  const every = "collect: [{signals: '*', mode: every, ms: 0}]\n";
  const stars = list(64, (at) => `  - {signals: ['*a*e*${at}', ${"'*a*r*e*z',".repeat(999)}], mode: every, ms: 0}`);
  const names = list(30, () => `  - {signals: [${"EngineSpeed.EngineRpm,".repeat(1000)}], mode: every, ms: 0}`);
  const aggregates = "[min, max, mean, count, first, last, sum, integral]";
  const edges = `[${Array.from({ length: 256 }, (_, at) => at).join(",")}]`;
  const inputs = (count: number): string => `inputs:\n${list(count, (at) => `  v${at}: EngineSpeed.EngineRpm`)}\n`;
  const sum = Array.from({ length: 100 }, (_, at) => `max(v${at % 9}, duration("1h"))`)
    .join(" + ")
    .slice(0, 1990);
  const derived = list(256, (at) => `  - {name: d${at}, expression: '${at === 0 ? "v0" : `d${at - 1} + v0`}'}`);
  return new Map([
    ["many patterns with stars", `${head}collect:\n${stars}`],
    ["many names", `${head}collect:\n${names}`],
    [
      "all signals, aggregated 8,000 times",
      `${head}collect:\n${list(1000, () => `  - {signals: '*', mode: aggregate, of: ${aggregates}, over: {windowMs: 10}}`)}`,
    ],
    ["all signals, a thousand times", `${head}collect:\n${list(1000, () => "  - {signals: '*', mode: every, ms: 0}")}`],
    [
      "grids of all signals",
      `${head}collect:\n${list(200, () => `  - {signals: '*', mode: histogram, edges: ${edges}, with: {signal: VehicleSpeed.Speed, edges: ${edges}}}`)}`,
    ],
    [
      "as many patterns as are taken",
      `${head}collect:\n${list(1024, (at) => `  - {signals: '*a*e*${at}', mode: every, ms: 0}`)}`,
    ],
    [
      "as many names as are taken",
      `${head}collect:\n${list(4, () => `  - {signals: [${"EngineSpeed.EngineRpm,".repeat(1000)}], mode: every, ms: 0}`)}`,
    ],
    [
      "all signals, aggregated 512 times",
      `${head}collect:\n${list(512, () => `  - {signals: '*', mode: aggregate, of: ${aggregates}, over: {windowMs: 10}}`)}`,
    ],
    [
      "as many columns as are taken",
      `${head}budget: {bytesPerDay: 1000}\ncollect:\n${list(12, () => `  - {signals: '*', mode: aggregate, of: ${aggregates}, over: {windowMs: 10}}`)}`,
    ],
    [
      "a chain of derived signals, collected 120 times",
      `${head}inputs: {v0: VehicleSpeed.Speed}\nderived:\n${derived}\nbudget: {bytesPerDay: 1000}\ncollect:\n${list(60, () => "  - {signals: 'd*', mode: latest, windowMs: 10}")}\n${list(60, () => "  - {signals: 'd*', mode: aggregate, of: [max], over: {windowMs: 10}}")}`,
    ],
    ["many inputs", `${head}${inputs(30_000)}${every}`],
    ["inputs as many as are taken", `${head}${inputs(256)}${every}`],
    [
      "a chain of derived signals, collected a thousand times",
      `${head}inputs: {v0: VehicleSpeed.Speed}\nderived:\n${derived}\ncollect:\n${list(1000, () => "  - {signals: 'd*', mode: every, ms: 0}")}`,
    ],
    [
      "windows of an hour",
      `${head}${inputs(9)}trigger: {condition: '${sum.slice(0, sum.lastIndexOf(" + "))} > 1.0'}\n${every}`,
    ],
    [
      "a large black box",
      `${head}inputs: {v: VehicleSpeed.Speed}\ntrigger: {condition: v > 1.0}\nframes:\n${list(32, () => `  - {bus: can0, ids: [${Array.from({ length: 512 }, (_, at) => `{id: ${at + 256}}`).join(",")}]}`)}`,
    ],
    ["unknown keys", `${head}${list(60_000, (at) => `k${at}: 1`)}`],
    ["keys that are maps", "? ".repeat(2000)],
    ["levels", `a: ${"[".repeat(200_000)}`],
    ["aliases of many", `a: &a [${"x,".repeat(1000)}]\nb: &b [${"*a,".repeat(100)}]\nc: [${"*b,".repeat(1000)}]`],
    [
      "aliases of patterns",
      `${head}collect:\n  - {signals: &s [${"'*e*x',".repeat(1000)}], mode: every, ms: 0}\n${list(90, () => "  - {signals: *s, mode: every, ms: 0}")}`,
    ],
    [
      "an expression of many parts",
      `${head}inputs: {v: VehicleSpeed.Speed}\ntrip: '${"v + ".repeat(490)}v > 0.0'\n${every}`,
    ],
    ["a long word", `${head}description: ${"x".repeat(1_000_000)}`],
    ["numbers", `collect: [${"1,".repeat(300_000)}]`],
  ]);
}
