import { AgentError } from "../core/errors.ts";
import type { ServedVerb, SocketName } from "./verb.ts";

/**
 * Verbs that need a part of the configuration, by their sockets, and what it is. By name alone: their schemas are not loaded where nothing
 * answers them.
 */
const NEEDED: readonly (readonly [what: string, verbs: Readonly<Record<SocketName, readonly string[]>>])[] = [
  [
    "the section ota",
    {
      view: ["ota.show", "ota.watch", "ota.check"],
      admin: ["ota.install", "ota.resume", "ota.acknowledge", "ota.consent", "ota.commit", "ota.rollback"],
    },
  ],
  [
    "the section ota, with jobs.enabled: true,",
    { view: ["jobs.list", "jobs.show", "jobs.check"], admin: ["jobs.cancel"] },
  ],
  [
    "the section diagnostics",
    { view: ["codes.list", "codes.watch"], admin: ["codes.read", "codes.clear", "diagnostics.ask"] },
  ],
  ["the section diagnostics, with a bus that speaks J1939,", { view: ["j1939.nodes"], admin: ["j1939.request"] }],
  ["the section place", { view: [], admin: ["place.show"] }],
  ["the section place, with fences,", { view: [], admin: ["place.private"] }],
  ["the section power, with state,", { view: ["vehicle.state", "vehicle.trips"], admin: ["vehicle.set-state"] }],
  ["the section power, with sleep,", { view: [], admin: ["vehicle.sleep"] }],
];

/** What answers in the place of verbs that are not `served`, since the configuration has no part for them: it says which. */
export function absentVerbs(served: readonly ServedVerb[]): readonly ServedVerb[] {
  const names = new Set(served.map(({ name }) => name));
  return NEEDED.flatMap(([what, { view, admin }]) => [
    ...refused(view, "view", what),
    ...refused(admin, "admin", what),
  ]).filter(({ name }) => !names.has(name));
}

function refused(names: readonly string[], socket: SocketName, what: string): readonly ServedVerb[] {
  return names.map((name) => ({ name, socket, handle: refusalOf(what) }));
}

function refusalOf(what: string): () => never {
  return () => {
    throw new AgentError("config.invalid", {
      what: `the configuration of the running agent has no part for this: it needs ${what.replace(/,$/, "")}`,
      remedy: `add ${what} to its configuration (causeway config example --all shows it), then: systemctl restart causeway`,
    });
  };
}
