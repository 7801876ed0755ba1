import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { journalCatalog, LOG_CATALOG } from "../../../config/log-catalog.ts";

const ROOT = join(import.meta.dirname, "../../..");
/** Of the agent; what runs in the cloud writes to no journal of a vehicle. */
const SOURCES = globSync(["agent/**/*.ts", "drivers/**/*.ts"], { cwd: ROOT })
  .filter((path) => !/^agent\/(?:consumer|companion)\//.test(path))
  .map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
/** Logged by their name in a variable, with the facts that each such entry has. */
const BY_VARIABLE: Readonly<Record<string, { readonly events: readonly string[]; readonly facts: readonly string[] }>> =
  {
    "agent/daemon/configuration/log-problems.ts": {
      events: ["config.unusable", "config.layer-refused"],
      facts: ["what", "remedy"],
    },
    "agent/daemon/open-kept.ts": {
      events: ["codes.not-kept", "vehicle.not-kept", "place.not-kept"],
      facts: ["code", "what", "remedy"],
    },
    "drivers/aws/messages/inbox.ts": {
      events: ["broker.messages-discarded", "broker.message-failed", "broker.message-set-aside"],
      facts: ["sinceStart"],
    },
  };

/** Facts of all calls that log this event. */
function factsOf(event: string): readonly (readonly string[])[] {
  const call = new RegExp(`\\.(?:error|warn)\\("${event}", \\{([^}]*)\\}`, "g");
  const named = SOURCES.flatMap(({ text }) => [...text.matchAll(call)]).map(([, facts = ""]) =>
    facts.split(",").map((fact) => fact.split(":")[0]?.trim() ?? ""),
  );
  const others = Object.values(BY_VARIABLE).filter(({ events }) => events.includes(event));
  return [...named, ...others.map(({ facts }) => facts)];
}

/** "MOVED_TO" as "movedTo". */
function factOf(field: string): string {
  return field.toLowerCase().replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

describe("the catalogue of the journal", () => {
  it.each(Object.entries(LOG_CATALOG))(
    "has for %s only fields that each such entry has",
    (event, { subject, cause, remedy }) => {
      expect(SOURCES.some(({ text }) => text.includes(`"${event}"`))).toBe(true);
      const wanted = [...`${subject} ${cause} ${remedy}`.matchAll(/@([A-Z_]+)@/g)].map(([, field = ""]) =>
        factOf(field),
      );
      const calls = factsOf(event);
      expect(calls).not.toEqual([]);
      for (const facts of calls) expect(facts).toEqual(expect.arrayContaining(wanted));
      expect(subject.length).toBeLessThanOrEqual(80);
    },
  );

  it("has every event that the agent logs as an error: somebody must act", () => {
    const events = SOURCES.flatMap(({ text }) => [...text.matchAll(/\.error\(\s*"([a-z][a-z.-]*\.[a-z-]+)"/g)]);
    expect(events.length).toBeGreaterThan(50);
    const named = [
      ...events.map(([, event = ""]) => event),
      ...Object.values(BY_VARIABLE).flatMap((one) => one.events),
    ];
    expect(named.filter((event) => !Object.hasOwn(LOG_CATALOG, event))).toEqual([]);
    const byVariable = SOURCES.filter(({ text }) => /\b[lL]og\.error\(\s*[^"\s]/.test(text)).map(({ path }) => path);
    expect(byVariable.sort()).toEqual(Object.keys(BY_VARIABLE).sort());
  });

  it("has an id for each event once, and no line that would begin another entry or a comment", () => {
    const text = journalCatalog();
    const ids = [...text.matchAll(/^-- ([0-9a-f]{32})$/gm)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(Object.keys(LOG_CATALOG).length);
    expect(text.match(/^(?:--|#)/gm)).toHaveLength(ids.length + 1);
  });
});
