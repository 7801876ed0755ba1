import { type Command, InvalidArgumentError } from "commander";
import { AgentError, EXIT } from "../../core/errors.ts";
import { nameFields, nameText } from "../../diagnostics/j1939/name.ts";
import { NodeList, type SeenNode } from "../../diagnostics/j1939/node-list.ts";
import { functionText, usualNode } from "../../diagnostics/j1939/node-names.ts";
import { j1939Nodes } from "../../local-api/j1939-schema.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { listenOn } from "../diagnostics/listen.ts";
import { runningAgent } from "../running-agent.ts";
import { alignColumns } from "../text.ts";

const LONGEST_SECONDS = 3600;
const EVERY_NODE = { id: 0, mask: 0, extended: true } as const;

/** `j1939 nodes`: who sends, and what they claimed their addresses with. */
export function registerJ1939Nodes(j1939: Command, context: CliContext): void {
  j1939
    .command("nodes <bus>")
    .description("nodes that send or claim an address while it is listened")
    .option("--seconds <seconds>", "listen for so long", listenSeconds, 5)
    .addHelpText(
      "after",
      "\nMost nodes claim their address only when they start; what the running agent has heard of that is shown too.\nThe last column is what the NAME says or, in brackets, who usually has the address.\n\nExample:\n  causeway j1939 nodes can0\n  causeway j1939 nodes can0 --seconds 30 --json",
    )
    .action(async (bus: string, { seconds }: { readonly seconds: number }) => showNodes(context, bus, seconds));
}

/** Seconds of an argument. Throws commander's error for what is no time between 0 and an hour. */
export function listenSeconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= LONGEST_SECONDS))
    throw new InvalidArgumentError("Give seconds, more than 0 and at most 3600.");
  return value;
}

async function showNodes(context: CliContext, named: string, seconds: number): Promise<void> {
  const list = new NodeList();
  const bus = await listenOn(context, named, seconds, (tap) => tap.on([EVERY_NODE], (frame) => list.take(frame)));
  const heardBefore = await namesOfAgent(context, bus);
  const nodes = list.nodes().map((node) => ({ ...node, name: node.name ?? heardBefore.get(node.address) }));
  if (context.options().json) {
    const { withoutAddress } = list;
    printJson(context, { schemaVersion: 1, bus, seconds, nodes: nodes.map(nodeJson), withoutAddress });
  } else if (nodes.length > 0) {
    for (const line of alignColumns([
      ["ADDRESS", "NAME", "MAKER", "IDENTITY", "FRAMES", "NODE"],
      ...nodes.map(nodeRow),
    ]))
      printLine(context, line);
  }
  if (list.withoutAddress > 0)
    note(context, `${list.withoutAddress} times a node said that it cannot claim an address`);
  if (nodes.length > 0) return;
  note(context, `no node of J1939 was heard on ${bus} within ${seconds} s`);
  context.finish(EXIT.nothingToDo);
}

/** NAMEs that the running agent has heard, where one runs that listens to this bus: most nodes claim but once. */
async function namesOfAgent(context: CliContext, bus: string): Promise<ReadonlyMap<number, bigint>> {
  try {
    const { answer } = await (await runningAgent(context)).ask(j1939Nodes, { bus });
    return new Map(
      answer.nodes.flatMap(({ address, name }) => (name === undefined ? [] : [[address, BigInt(`0x${name}`)]])),
    );
  } catch (thrown) {
    // Nothing depends on it: what was heard here is shown.
    if (thrown instanceof AgentError) return new Map();
    throw thrown;
  }
}

function nodeRow({ address, name, frames }: SeenNode): readonly string[] {
  const usual = usualNode(address);
  const guess = usual === undefined ? "" : `(${usual})`;
  if (name === undefined) return [`${address}`, "-", "-", "-", `${frames}`, guess];
  const fields = nameFields(name);
  const { manufacturer, identity } = fields;
  return [`${address}`, nameText(name), `${manufacturer}`, `${identity}`, `${frames}`, functionText(fields) ?? guess];
}

function nodeJson({ address, name, frames, lastSeenUs }: SeenNode) {
  const seen = { address, usual: usualNode(address), frames, lastSeenMs: Math.floor(lastSeenUs / 1000) };
  if (name === undefined) return seen;
  const { function: number, ...fields } = nameFields(name);
  return {
    ...seen,
    name: nameText(name),
    fields: { ...fields, function: number },
    does: functionText(nameFields(name)),
  };
}
