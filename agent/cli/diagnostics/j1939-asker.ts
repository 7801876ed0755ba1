import { AgentError } from "../../core/errors.ts";
import { GROUP } from "../../diagnostics/j1939/groups.ts";
import { groupFilters, MessageLine } from "../../diagnostics/j1939/message-line.ts";
import { nameOf } from "../../diagnostics/j1939/name.ts";
import { J1939Node, type NodeIdentity } from "../../diagnostics/j1939/node.ts";
import { NodeList } from "../../diagnostics/j1939/node-list.ts";
import type { FrameTap } from "../../diagnostics/tester/frame-tap.ts";
import type { TesterBus } from "../../diagnostics/tester/tester-bus.ts";
import { type J1939Reply, j1939Request, replyJson } from "../../local-api/j1939-schema.ts";
import type { CliContext } from "../context.ts";
import { optionalConfig } from "../open-bus.ts";
import { runningAgent } from "../running-agent.ts";
import { openTester } from "./open-tester.ts";
import { withheldFault } from "./withheld.ts";

/** What nodes answered. */
export type J1939Answers = Extract<J1939Reply, { readonly kind: "answers" }>;

/** The NAME of this program where the configuration has none: an off-board service tool that gives way to everybody who is on the bus. */
const VISITOR: NodeIdentity = {
  address: 249,
  name: nameOf({
    identity: 0x1f_ffff,
    manufacturer: 0x7ff,
    ecuInstance: 7,
    functionInstance: 31,
    function: 129,
    vehicleSystem: 0,
    vehicleSystemInstance: 0,
    industryGroup: 0,
    arbitraryAddress: true,
  }),
};

/**
 * Asks for a group on a bus: through the running agent, from its address, where it has diagnostics of that bus; otherwise as a node of
 * its own. Throws what `openTester` throws, `ecu.withheld` where nothing may be sent, and
 * `bus.not-permitted` where another node has the address.
 */
export async function requestOnBus(context: CliContext, named: string, pgn: number, to: number): Promise<J1939Answers> {
  const opened = await openTester(context, named);
  const { tester, tap } = opened;
  try {
    const reply =
      tap === undefined ? await askAgent(context, tester, pgn, to) : await askAsNode(context, { tester, tap }, pgn, to);
    if (reply.kind === "answers") return reply;
    if (reply.kind === "withheld") throw withheldFault(reply);
    throw new AgentError("bus.not-permitted", {
      what: `another node has the address that this one wants on ${tester.bus}, and it may take no other`,
      remedy: "set another address, or arbitraryAddress, in diagnostics.buses[].j1939",
    });
  } finally {
    await opened.close();
  }
}

async function askAgent(context: CliContext, tester: TesterBus, pgn: number, to: number): Promise<J1939Reply> {
  const { withheld } = tester.state();
  if (withheld !== undefined) throw withheldFault(withheld);
  const agent = await runningAgent(context);
  return (await agent.ask(j1939Request, { bus: tester.bus, pgn, to })).answer;
}

async function askAsNode(
  context: CliContext,
  { tester, tap }: { readonly tester: TesterBus; readonly tap: FrameTap },
  pgn: number,
  to: number,
): Promise<J1939Reply> {
  const { clock, signal } = context;
  const nodes = new NodeList();
  tap.on(groupFilters([GROUP.addressClaim]), (frame) => nodes.take(frame));
  const identity = await identityOf(context, tester.bus);
  const line = new MessageLine(tap);
  // One program has no herd to spread: half of each random delay will do.
  const node = new J1939Node({ tester, tap, line, nodes, identity, clock, random: () => 0.5 });
  node.start();
  try {
    return replyJson(await node.request(pgn, to, "technician", signal));
  } finally {
    node.stop();
  }
}

async function identityOf(context: CliContext, bus: string): Promise<NodeIdentity> {
  const config = await optionalConfig(context);
  const settings = config?.diagnostics?.buses.find((one) => one.bus === bus)?.j1939;
  return settings === undefined ? VISITOR : { address: settings.address, name: nameOf(settings.name) };
}
