import type { Command } from "commander";
import { EXIT } from "../../core/errors.ts";
import { litLamps } from "../../diagnostics/codes/lit-lamps.ts";
import { MessageLine, type NodeMessage } from "../../diagnostics/j1939/message-line.ts";
import { usualNode } from "../../diagnostics/j1939/node-names.ts";
import { ACTIVE_CODES, type CodeMessage, parseCodeMessage } from "../../diagnostics/j1939/trouble-codes.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { listenOn } from "../diagnostics/listen.ts";
import { alignColumns } from "../text.ts";
import { listenSeconds } from "./j1939-nodes.ts";

/** The newest codes of a node. */
type NodeCodes = CodeMessage & { readonly address: number };

/** `j1939 dm1`: active codes, as the nodes send them by themselves. */
export function registerJ1939Codes(j1939: Command, context: CliContext): void {
  j1939
    .command("dm1 <bus>")
    .description("active trouble codes and lamps, as each node sends them every second (DM1)")
    .option("--seconds <seconds>", "listen for so long", listenSeconds, 3)
    .addHelpText("after", "\nExample:\n  causeway j1939 dm1 can0\n  causeway j1939 dm1 can0 --json")
    .action(async (bus: string, { seconds }: { readonly seconds: number }) => showCodes(context, bus, seconds));
}

async function showCodes(context: CliContext, named: string, seconds: number): Promise<void> {
  const newest = new Map<number, NodeCodes>();
  const take = ({ source, data }: NodeMessage): void => {
    const message = parseCodeMessage(data);
    if (message !== undefined) newest.set(source, { address: source, ...message });
  };
  const bus = await listenOn(context, named, seconds, (tap) => new MessageLine(tap).on([ACTIVE_CODES], take));
  const nodes = [...newest.values()].sort((one, other) => one.address - other.address);
  if (context.options().json) printJson(context, { schemaVersion: 1, bus, seconds, nodes: nodes.map(codesJson) });
  else for (const line of codeTable(nodes)) printLine(context, line);
  if (nodes.length > 0) return;
  note(context, `no node of ${bus} sent active codes (DM1) within ${seconds} s`);
  context.finish(EXIT.nothingToDo);
}

/** Codes of nodes, a line each, and a line of a node that has none; nothing where there is no node. */
export function codeTable(nodes: readonly NodeCodes[]): readonly string[] {
  const rows = nodes.flatMap(({ address, lamps, codes }) => {
    const node = [`${address}`, usualNode(address) ?? "", litLamps(lamps) || "-"];
    if (codes.length === 0) return [[...node, "-", "-", "no codes"]];
    return codes.map(({ code, occurrences, text }) => [...node, code, `${occurrences ?? "-"}`, text ?? ""]);
  });
  return rows.length === 0 ? [] : alignColumns([["ADDRESS", "USUALLY", "LAMPS", "CODE", "COUNT", "MEANING"], ...rows]);
}

/** The same as an object of JSON. */
export function codesJson({ address, lamps, codes }: NodeCodes) {
  return { address, usual: usualNode(address), lamps, codes };
}
