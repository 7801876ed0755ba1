import type { Service } from "../core/lifecycle.ts";
import type { CodeTracker } from "../diagnostics/codes/code-tracker.ts";
import type { ActingEcu } from "../diagnostics/ecu-acts.ts";
import { actingNode } from "../diagnostics/j1939/acting-node.ts";
import { CodeListener, nodeAddress, nodeName } from "../diagnostics/j1939/code-listener.ts";
import { FREEZE_FRAME_GROUP } from "../diagnostics/j1939/freeze-frames.ts";
import { GroupPolls } from "../diagnostics/j1939/group-polls.ts";
import { GROUP } from "../diagnostics/j1939/groups.ts";
import { groupFilters, MessageLine } from "../diagnostics/j1939/message-line.ts";
import { nameOf } from "../diagnostics/j1939/name.ts";
import { J1939Node } from "../diagnostics/j1939/node.ts";
import { NodeList } from "../diagnostics/j1939/node-list.ts";
import { nodeReader } from "../diagnostics/j1939/node-reader.ts";
import type { Readiness } from "../diagnostics/j1939/readiness.ts";
import { ACTIVE_CODES, CODE_MESSAGES } from "../diagnostics/j1939/trouble-codes.ts";
import { j1939Handlers } from "../local-api/j1939-handlers.ts";
import type { J1939Status } from "../local-api/j1939-status.ts";
import type { DiagnosticBus } from "./diagnostic-bus.ts";
import type { DiagnosticsPart, DiagnosticsParts } from "./diagnostics-parts.ts";
import type { Runtime } from "./parts.ts";
import { loopService } from "./services.ts";

/** Groups by which nodes are known that say nothing else of themselves. */
const TELLING = [GROUP.addressClaim, GROUP.request, GROUP.transferControl, ...CODE_MESSAGES.keys()];

const LAST_ADDRESS = 253;

type MadeBus = {
  readonly bus: DiagnosticBus;
  readonly line: MessageLine;
  readonly nodes: NodeList;
  readonly node: J1939Node | undefined;
  readonly listener: CodeListener | undefined;
  readonly polls: GroupPolls | undefined;
};

/** J1939 on the buses of diagnostics: their nodes and codes are listened to, and where the configuration has a NAME, the agent is one of them. */
export function composeJ1939(
  { buses, codes }: Pick<DiagnosticsParts, "buses" | "codes">,
  runtime: Runtime,
): DiagnosticsPart {
  const made = buses.flatMap((bus) => (isOfJ1939(bus) ? [busOf(bus, codes.tracker, runtime)] : []));
  for (const one of made) nameReaders(one, codes);
  return {
    services: made.map(j1939Service),
    verbs: j1939Handlers(
      made.map(({ bus, nodes, node }) => ({ name: bus.name, nodes, node, rights: bus.settings.technician })),
    ),
    j1939: () => made.map(statusOf),
    findActing: (name) => actingNamed(name, made, codes.tracker),
  };
}

function isOfJ1939({ settings }: DiagnosticBus): boolean {
  return settings.j1939 !== undefined || settings.passive.includes("j1939");
}

function busOf(bus: DiagnosticBus, codes: CodeTracker, { clock, log, random }: Runtime): MadeBus {
  const { name, tap, tester, settings } = bus;
  const line = new MessageLine(tap);
  const nodes = new NodeList();
  const { j1939, transmit } = settings;
  const identity = j1939 === undefined ? undefined : { name: nameOf(j1939.name), address: j1939.address };
  const node =
    identity === undefined || transmit === undefined
      ? undefined
      : new J1939Node({ tester, tap, line, nodes, identity, clock, random });
  const never = new AbortController().signal;
  const listener = new CodeListener({
    bus: name,
    tap,
    line,
    codes,
    askFreeze: node === undefined ? undefined : (source) => node.request(FREEZE_FRAME_GROUP, source, "poll", never),
    own: () => node?.address,
    clock,
  });
  const polls =
    node === undefined ? undefined : new GroupPolls({ bus: name, node, polls: j1939?.requests ?? [], clock, log });
  return { bus, line, nodes, node, listener: settings.passive.includes("j1939") ? listener : undefined, polls };
}

const NO_POLLS = { answered: 0, unanswered: 0, refused: 0, withheld: 0 };

function statusOf({ bus, line, nodes, node, listener, polls }: MadeBus): J1939Status {
  const { assembled, malformed: _frames, tooLong, ...incomplete } = line.counts;
  const state = node?.state();
  const claim = state?.claim;
  return {
    bus: bus.name,
    state: claim?.kind ?? "off",
    ...(claim !== undefined && "address" in claim ? { address: claim.address } : {}),
    nodes: nodes.nodes().length,
    messages: listener?.counts.messages ?? 0,
    malformed: listener?.counts.malformed ?? 0,
    assembled,
    incomplete: Object.values(incomplete).reduce((sum, number) => sum + number, tooLong),
    contests: state?.claims.contests ?? 0,
    lost: state?.claims.lost ?? 0,
    failedTransfers: state?.transfers.failed ?? 0,
    ignoredRequests: state?.ignoredRequests ?? 0,
    readiness: [...(listener?.readiness ?? [])].map(readinessOf),
    polls: polls?.counts ?? NO_POLLS,
  };
}

function readinessOf([address, { monitors, activeCodes, previousCodes, compliance }]: readonly [number, Readiness]) {
  const incomplete = monitors.filter(({ supported, complete }) => supported && !complete).map(({ name }) => name);
  return { address, activeCodes, previousCodes, compliance, incomplete };
}

function j1939Service({ bus, nodes, node, listener, polls }: MadeBus): Service {
  let release = (): void => undefined;
  const loop = loopService(`requests on ${bus.name}`, { run: async (signal) => polls?.run(signal) });
  return {
    name: `J1939 on ${bus.name}`,
    start: async () => {
      release = bus.tap.on(groupFilters(TELLING), (frame) => nodes.take(frame));
      node?.start();
      listener?.start();
      await loop.start();
    },
    stop: async () => {
      // What is under way ends with the node, and the loop with it.
      node?.stop();
      await loop.stop();
      listener?.stop();
      release();
    },
    broken: loop.broken,
  };
}

/** Each node that sends active codes can be asked for them, from the first time on. */
function nameReaders({ bus, node, line }: MadeBus, { tracker, readers }: DiagnosticsParts["codes"]): void {
  if (node === undefined) return;
  const met = new Set<number>();
  line.on([ACTIVE_CODES], ({ source: address }) => {
    if (met.has(address) || address > LAST_ADDRESS) return;
    met.add(address);
    readers.add(nodeReader({ bus: bus.name, name: nodeName(address), address, node, codes: tracker }));
  });
}

/** A node by its name, whether it was heard or not: on the first bus on which this agent may ask. */
function actingNamed(name: string, made: readonly MadeBus[], codes: CodeTracker): ActingEcu | undefined {
  const address = nodeAddress(name);
  for (const { bus, node } of address === undefined ? [] : made) {
    if (address !== undefined && node !== undefined) return actingNode({ bus: bus.name, name, address, node, codes });
  }
  return undefined;
}
