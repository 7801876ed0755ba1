import { readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { z } from "zod";

const ROOT = join(import.meta.dirname, "../../..");
const text = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const manifest = z.object({ dependencies: z.record(z.string(), z.string()) });
const dependenciesOf = (path: string): Readonly<Record<string, string>> =>
  manifest.parse(JSON.parse(text(path))).dependencies;
const IMPORTS =
  /(?:^|\n)\s*(?:import|export)\b(?!\s+type\b)[^;"']*?from\s*"([^"]+)"|\bimport\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s+"([^"]+)"/g;

/** Files and packages that the program loads, types left out. */
function reached(entry: string): { readonly files: ReadonlySet<string>; readonly packages: ReadonlySet<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const walk = (path: string): void => {
    if (files.has(path)) return;
    files.add(path);
    for (const [, one, two, three] of text(path).matchAll(IMPORTS)) {
      const specifier = one ?? two ?? three;
      if (specifier.startsWith(".")) walk(relative(".", normalize(join(dirname(path), specifier))));
      else if (!specifier.startsWith("node:"))
        packages.add(
          specifier
            .split("/")
            .slice(0, specifier.startsWith("@") ? 2 : 1)
            .join("/"),
        );
    }
  };
  walk(entry);
  return { files, packages };
}

/** Instructions with their arguments, lines that go on joined. */
const instructions = text("agent/consumer/Dockerfile")
  .replaceAll(/^#.*\n/gm, "")
  .replaceAll("\\\n", " ")
  .split("\n")
  .filter((line) => line.trim() !== "")
  .map((line) => ({ name: line.split(" ")[0], rest: line.slice(line.indexOf(" ") + 1).trim() }));
const last = (name: string): string => instructions.findLast((one) => one.name === name)?.rest ?? "";

describe("the image of the consumer", () => {
  const { files, packages } = reached("agent/consumer/main.ts");

  it("holds each file that the worker loads", () => {
    const copied = instructions
      .filter(({ name, rest }) => name === "COPY" && !rest.startsWith("--from"))
      .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));
    const missing = [...files].filter((file) => !copied.some((path) => file === path || file.startsWith(`${path}/`)));
    expect(missing).toEqual([]);
    const seen = text("agent/consumer/Dockerfile.dockerignore").split("\n");
    expect(copied.filter((path) => !seen.some((line) => `${path}/`.startsWith(`${line.slice(1)}/`)))).toEqual([]);
  });

  it("holds each package that the worker loads, in the version that everything else has", () => {
    const own = dependenciesOf("agent/consumer/package.json");
    expect([...packages].filter((name) => !(name in own))).toEqual([]);
    const shared = Object.entries(dependenciesOf("package.json")).filter(([name]) => name in own);
    expect(shared.filter(([name, version]) => own[name] !== version)).toEqual([]);
  });

  it("runs as nobody of importance, is told to stop as the worker expects, and says whether it is well", () => {
    expect(last("USER")).toBe("node");
    expect(last("STOPSIGNAL")).toBe("SIGTERM");
    for (const command of [last("ENTRYPOINT"), last("CMD")]) {
      expect(z.array(z.string()).safeParse(JSON.parse(command)).success).toBe(true);
    }
    expect(last("HEALTHCHECK")).toContain("/healthz");
    const froms = instructions.filter(({ name }) => name === "FROM").map(({ rest }) => rest.split(" ")[0]);
    expect(froms).toEqual(["node:24-bookworm-slim", "node:24-bookworm-slim"]);
    expect(instructions.filter(({ name }) => name === "ADD" || name === "ARG")).toEqual([]);
  });
});
