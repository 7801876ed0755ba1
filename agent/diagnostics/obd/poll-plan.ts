import { MOST_PIDS } from "./current-data.ts";
import { pidsNamed } from "./pid-names.ts";
import { pidOf } from "./pid-table.ts";
import type { EcuSupport } from "./scan.ts";

/** PIDs that are asked for at an interval. */
export type PollRule = { readonly pids: readonly number[]; readonly everyMs: number };

/** PIDs that are read with the codes of an ECU, whether a rule names them or not: the lamp, and readiness. */
export const ALWAYS_READ: readonly number[] = [0x01];

/** Rules with the PIDs that their names stand for; a name that stands for none is left out. */
export function pollRules(
  named: readonly { readonly pids: readonly string[]; readonly everyMs: number }[],
): readonly PollRule[] {
  return named.map(({ pids, everyMs }) => {
    const found = pids.map(pidsNamed);
    return { pids: found.flatMap((one) => (one.kind === "pids" ? one.pids : [])), everyMs };
  });
}

/** One request that repeats. */
export type Poll = PollRule;

/**
 * The requests for one ECU: what it supports of the rules, each PID once and as often as the rule that wants it most often, several in a
 * request where the ECU takes that. A PID whose data may have two lengths goes alone, for nothing else tells which.
 */
export function pollsOf({ pids, packs }: EcuSupport, rules: readonly PollRule[]): readonly Poll[] {
  const intervals = new Map<number, number>();
  for (const rule of rules) {
    for (const pid of rule.pids) intervals.set(pid, Math.min(rule.everyMs, intervals.get(pid) ?? rule.everyMs));
  }
  const asked = pids.filter((pid) => intervals.has(pid));
  const byInterval = Map.groupBy(asked, (pid) => intervals.get(pid) ?? 0);
  return [...byInterval].flatMap(([everyMs, own]) => requestsOf(own, packs).map((one) => ({ pids: one, everyMs })));
}

function requestsOf(pids: readonly number[], packs: boolean): readonly (readonly number[])[] {
  if (!packs) return pids.map((pid) => [pid]);
  const alone = pids.filter((pid) => pidOf(pid)?.mostBytes !== undefined);
  const others = pids.filter((pid) => !alone.includes(pid));
  const packed = Array.from({ length: Math.ceil(others.length / MOST_PIDS) }, (_, at) =>
    others.slice(at * MOST_PIDS, (at + 1) * MOST_PIDS),
  );
  return [...packed, ...alone.map((pid) => [pid])];
}
