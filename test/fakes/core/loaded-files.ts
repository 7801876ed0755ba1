import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const ROOT = join(import.meta.dirname, "../../..");

/** What a file loads at once: what is imported as a type is erased, and `import()` waits until it is called. */
function loads(path: string): readonly string[] {
  const text = readFileSync(path, "utf8");
  const specifiers = [
    ...text.matchAll(/^(?:import|export)\s(?!type\s)[^;"']*?from\s"(\.[^"]+)"|^import\s"(\.[^"]+)"/gm),
  ];
  return specifiers.map(([, from, bare]) => join(dirname(path), from ?? bare));
}

/** Our files that a file loads at once when it is loaded itself, and what these load; from the checkout. */
export function loadedBy(start: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const waiting = [join(ROOT, start)];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (seen.has(path)) continue;
    seen.add(path);
    waiting.push(...loads(path));
  }
  return new Set([...seen].map((path) => path.slice(ROOT.length + 1)));
}
