import { AgentError } from "../core/errors.ts";
import { nameText } from "../diagnostics/j1939/name.ts";
import type { J1939Node } from "../diagnostics/j1939/node.ts";
import type { NodeList } from "../diagnostics/j1939/node-list.ts";
import { CLEAR_GROUP } from "../diagnostics/j1939/trouble-codes.ts";
import type { TechnicianRight } from "../diagnostics/tester/technician.ts";
import { j1939Nodes, j1939Request, replyJson } from "./j1939-schema.ts";
import type { ServedVerb } from "./verb.ts";

/** A bus of J1939 as the daemon has it; without `node` it only listens there. */
export type ServedJ1939Bus = {
  readonly name: string;
  readonly nodes: Pick<NodeList, "nodes">;
  readonly node: Pick<J1939Node, "request" | "state"> | undefined;
  readonly rights: readonly TechnicianRight[];
};

/** `j1939.nodes` and `j1939.request`. Whoever asks on admin.sock is a technician. */
export function j1939Handlers(buses: readonly ServedJ1939Bus[]): readonly ServedVerb[] {
  const busOf = (name: string): ServedJ1939Bus => {
    const found = buses.find((bus) => bus.name === name);
    if (found === undefined) throw unknownBus(name, buses);
    return found;
  };
  return [
    j1939Nodes.answeredBy(({ bus: name }) => {
      const { nodes, node } = busOf(name);
      return { schemaVersion: 1, bus: name, own: ownOf(node), nodes: nodes.nodes().map(nodeJson) };
    }),
    j1939Request.answeredBy(async ({ bus: name, pgn, to }, signal) => {
      const bus = busOf(name);
      const refusal = refusalOf(bus, pgn);
      if (refusal !== undefined) return { schemaVersion: 1, kind: "withheld", reason: "off", what: refusal };
      if (bus.node === undefined) throw notANode(name);
      return { schemaVersion: 1, ...replyJson(await bus.node.request(pgn, to, "technician", signal)) };
    }),
  ];
}

function refusalOf({ name, rights }: ServedJ1939Bus, pgn: number): string | undefined {
  const isClear = pgn === CLEAR_GROUP.active || pgn === CLEAR_GROUP.previous;
  if (!isClear || rights.includes("clear")) return undefined;
  return `group ${pgn} clears trouble codes: diagnostics.buses[].technician of bus ${name} must list clear`;
}

function ownOf(node: ServedJ1939Bus["node"]) {
  if (node === undefined) return { state: "off" } as const;
  const { claim } = node.state();
  return "address" in claim ? { state: claim.kind, address: claim.address } : { state: claim.kind };
}

function nodeJson({ address, name, frames, lastSeenUs }: ReturnType<NodeList["nodes"]>[number]) {
  const seen = { address, frames, lastSeenMs: Math.floor(lastSeenUs / 1000) };
  return name === undefined ? seen : { ...seen, name: nameText(name) };
}

function unknownBus(bus: string, known: readonly ServedJ1939Bus[]): AgentError {
  const names = known.map(({ name }) => name).join(", ");
  return new AgentError("bus.unknown", {
    what: `the running agent does not listen to J1939 on bus ${bus}`,
    remedy: names === "" ? "add j1939 to passive of the bus in diagnostics.buses" : `name one of ${names}`,
  });
}

function notANode(bus: string): AgentError {
  return new AgentError("bus.not-permitted", {
    what: `the running agent is no node of J1939 on bus ${bus}`,
    remedy: "add j1939 with a NAME, and transmit, to the bus in diagnostics.buses",
  });
}
