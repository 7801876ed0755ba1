import type { ArgumentHelp, CommandHelp, OptionHelp } from "./command-tree.ts";
import { foldedLine } from "./help-text.ts";
import { MAN_TEMPLATE } from "./man-template.ts";

/** What fits beside the indentation of a page that is 80 columns wide (man.7). */
const MAX_COLUMNS = 70;

/** What the page is filled with. `date` is written as 2026-11-23. */
export type ManPage = {
  /** `MAN_TEMPLATE` when absent. */
  readonly template?: string;
  readonly tree: CommandHelp;
  readonly version: string;
  readonly date: string;
};

/** causeway(1) in the man macros: the hand-written template with every verb and option that the program knows (groff_man(7)). */
export function manPage({ template = MAN_TEMPLATE, tree, version, date }: ManPage): string {
  return template
    .replaceAll("@VERSION@", version)
    .replaceAll("@DATE@", date)
    .replace("@OPTIONS@\n", () => tree.options.map(optionItem).join(""))
    .replace("@COMMANDS@\n", () => verbsOf(tree).map(verbSection).join(""));
}

/** Verbs that do something, depth first; groups are only names above them. */
function verbsOf(command: CommandHelp): CommandHelp[] {
  return command.commands.flatMap((child) => (child.commands.length === 0 ? [child] : [child, ...verbsOf(child)]));
}

function verbSection(command: CommandHelp): string {
  const usage = command.arguments.map(({ usage }) => usage).join(" ");
  const synopsis = [...command.path, usage, command.options.length > 0 ? "[options]" : ""]
    .filter((word) => word !== "")
    .join(" ");
  return [
    `.SS "${escaped(synopsis)}"\n`,
    `${roffLine(sentence(command.description))}\n`,
    ...command.arguments.filter(({ description }) => description !== "").map(argumentItem),
    ...command.options.map(optionItem),
    command.after === "" ? "" : afterBlock(command.after),
  ].join("");
}

function optionItem({ flags, description }: OptionHelp): string {
  return `.TP\n.B "${escaped(flags)}"\n${roffLine(description)}\n`;
}

function argumentItem({ usage, description, choices }: ArgumentHelp): string {
  const words = choices.length === 0 ? "" : ` (${choices.join(", ")})`;
  return `.TP\n.I "${escaped(usage)}"\n${roffLine(description + words)}\n`;
}

/** Prose flows; what is indented, such as a command, keeps its lines, and a long one goes on behind a backslash as in a shell. */
function afterBlock(text: string): string {
  const out: string[] = [".PP"];
  let isKept = false;
  for (const line of text.split("\n").map((one) => one.trimEnd())) {
    const isShown = line.startsWith("  ");
    if (isShown !== isKept) out.push(isShown ? ".nf" : ".fi");
    isKept = isShown;
    if (line === "") out.push(".PP");
    else out.push(...(isShown ? foldedLine(line, MAX_COLUMNS) : [line]).map(roffLine));
  }
  return `${[...out, ...(isKept ? [".fi"] : [])].join("\n")}\n`;
}

function sentence(text: string): string {
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

/** A hyphen must stay one that can be copied, a backslash one that is seen. */
function escaped(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll('"', "\\(dq")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha");
}

/** A line that begins with a point or a quote would be read as a macro. */
function roffLine(text: string): string {
  const line = escaped(text);
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
