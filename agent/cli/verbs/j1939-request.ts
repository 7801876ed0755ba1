import { type Command, InvalidArgumentError } from "commander";
import { AgentError, EXIT } from "../../core/errors.ts";
import { LAST_GROUP } from "../../diagnostics/j1939/groups.ts";
import { GROUP_NAMES, type GroupContent, readGroup } from "../../diagnostics/j1939/known-groups.ts";
import { nameFields, nameText } from "../../diagnostics/j1939/name.ts";
import { functionText, usualNode } from "../../diagnostics/j1939/node-names.ts";
import { CLEAR_GROUP } from "../../diagnostics/j1939/trouble-codes.ts";
import { type CliContext, note, printJson, printLine } from "../context.ts";
import { type J1939Answers, requestOnBus } from "../diagnostics/j1939-asker.ts";
import { codeTable } from "./j1939-codes.ts";

type Options = { readonly to: number };

/** `j1939 request`: asks a node, or all, for a group. This is a transmission. */
export function registerJ1939Request(j1939: Command, context: CliContext): void {
  j1939
    .command("request <bus> <group>")
    .description("ask for a parameter group, by number or name; claims an address first, and sends")
    .option("--to <address>", "node to ask, 0 to 253; all when absent", addressArgument, 255)
    .addHelpText(
      "after",
      `\nNames: ${[...GROUP_NAMES.keys()].join(", ")}.\nThe running agent asks where it is a node of the bus; otherwise this program does, with the manners of the configuration.\n\nExample:\n  causeway j1939 request can0 dm2 --to 0\n  causeway j1939 request can0 65253`,
    )
    .action(async (bus: string, group: string, { to }: Options) => request(context, bus, groupArgument(group), to));
}

async function request(context: CliContext, bus: string, pgn: number, to: number): Promise<void> {
  const reply = await requestOnBus(context, bus, pgn, to);
  if (context.options().json) printJson(context, { schemaVersion: 1, bus, pgn, to, ...jsonOf(reply, pgn) });
  else for (const line of reply.answers.flatMap((answer) => answerLines(answer, pgn))) printLine(context, line);
  for (const { source, meaning } of reply.remarks) note(context, `node ${source}: ${meaning}`);
  if (reply.answers.length > 0 || reply.remarks.some(({ meaning }) => meaning === "acknowledged")) return;
  if (reply.remarks.length === 0) note(context, `no answer within ${reply.waitedMs} ms`);
  context.finish(EXIT.failed);
}

function addressArgument(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 253)
    throw new InvalidArgumentError("Give an address, 0 to 253.");
  return value;
}

/** Throws `usage.invalid` for what is no group, and for one that changes something. */
function groupArgument(text: string): number {
  const pgn = GROUP_NAMES.get(text.toLowerCase()) ?? (text.trim() === "" ? Number.NaN : Number(text));
  if (!Number.isInteger(pgn) || pgn < 0 || pgn > LAST_GROUP) {
    throw new AgentError("usage.invalid", {
      what: `${text} is no parameter group`,
      remedy: `give a number up to 262143, as 65227 or 0xfecb, or one of ${[...GROUP_NAMES.keys()].join(", ")}`,
    });
  }
  if (pgn !== CLEAR_GROUP.active && pgn !== CLEAR_GROUP.previous) return pgn;
  throw new AgentError("usage.invalid", {
    what: `asking for group ${pgn} clears trouble codes`,
    remedy: "use causeway dtc clear, which asks first",
  });
}

type Answer = J1939Answers["answers"][number];

function bytesOf({ hex }: Answer): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

function jsonOf({ answers, remarks, waitedMs }: J1939Answers, pgn: number) {
  return { answers: answers.map((answer) => ({ ...answer, content: contentJson(answer, pgn) })), remarks, waitedMs };
}

function contentJson(answer: Answer, pgn: number) {
  const content = readGroup(pgn, bytesOf(answer));
  return content?.kind === "claim" ? { kind: content.kind, name: nameText(content.name) } : content;
}

function answerLines(answer: Answer, pgn: number): readonly string[] {
  const content = readGroup(pgn, bytesOf(answer));
  const usual = usualNode(answer.source);
  const head = `node ${answer.source}${usual === undefined ? "" : ` (usually ${usual})`}`;
  if (content === undefined) return [`${head}: ${answer.hex.match(/../g)?.join(" ") ?? "no data"}`];
  if (content.kind === "codes")
    return codeTable([{ address: answer.source, lamps: content.lamps ?? {}, codes: content.codes }]);
  return [`${head}:`, ...contentLines(content).map((line) => `  ${line}`)];
}

function contentLines(content: Exclude<GroupContent, { readonly kind: "codes" }>): readonly string[] {
  switch (content.kind) {
    case "readiness": {
      const { activeCodes, previousCodes, compliance, monitors } = content.readiness;
      const supported = monitors.filter((monitor) => monitor.supported);
      return [
        `active codes ${activeCodes ?? "-"}, previous codes ${previousCodes ?? "-"}, rules: ${compliance}`,
        ...supported.map(({ name, complete }) => `${complete ? "complete" : "NOT complete"}  ${name}`),
      ];
    }
    case "calibrations":
      return content.calibrations.map(({ id, verification }) => `${id}  verification ${verification}`);
    case "fields":
      return Object.entries(content.fields).map(([name, value]) => `${name}: ${value === "" ? "-" : value}`);
    case "claim": {
      const fields = nameFields(content.name);
      const does = functionText(fields) ?? `function ${fields.function}`;
      return [`${nameText(content.name)}  ${does}, maker ${fields.manufacturer}, identity ${fields.identity}`];
    }
  }
}
