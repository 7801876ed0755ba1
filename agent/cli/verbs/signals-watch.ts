import type { Command } from "commander";
import { printable } from "../../core/plain-text.ts";
import { type SignalsSnapshot, watchSignals } from "../../local-api/signals-schema.ts";
import { exactNameOf } from "../../signals/message-name.ts";
import { type CliContext, printJson } from "../context.ts";
import { runningAgent } from "../running-agent.ts";

const MEANING_COLUMNS = 12;

/** `causeway signals watch`: the latest value of each signal, as the running daemon has it. */
export function registerWatch(signals: Command, context: CliContext): void {
  signals
    .command("watch [patterns...]")
    .description(
      "latest values from the running agent; patterns over MESSAGE.SIGNAL, BUS/MESSAGE@0xID.SIGNAL, a VSS path, or NAME or CAMPAIGN/NAME of a derived signal, with '*'",
    )
    .addHelpText(
      "after",
      "\nExample:\n  causeway signals watch 'Engine*.*'\n  causeway signals watch 'Vehicle.Powertrain.*'",
    )
    .action(async (patterns: readonly string[]) => {
      const agent = await runningAgent(context);
      const { json } = context.options();
      for await (const current of agent.follow(watchSignals, { patterns })) {
        if (json) printJson(context, current);
        else
          context.terminal.stdout.write(
            page(current, context.terminal.stdout.isTerminal ? context.terminal.stdout.rows() : undefined),
          );
      }
    });
}

/** A table that fits `rows` lines and starts at the top of the screen; all lines, without control characters, when undefined. */
export function page(current: SignalsSnapshot, rows: number | undefined): string {
  const messageOf = messageNames(current);
  const lines = current.signals.map((signal) => {
    const name = `${messageOf(signal)}.${signal.name}${sender(signal)}`;
    const value = `${signal.physical ?? signal.state}`.padStart(14).slice(0, 14);
    return `${name.padEnd(44).slice(0, 44)} ${value} ${meaning(signal, rows !== undefined)} ${age(signal.ageMs)}`;
  });
  lines.push(...current.derived.map((one) => derivedLine(one, rows !== undefined)));
  if (rows === undefined) return `${lines.join("\n")}\n`;
  const room = Math.max(1, rows - 2);
  const hidden = lines.length - room;
  const shown = hidden > 0 ? [...lines.slice(0, room - 1), `... ${hidden + 1} more; give a pattern`] : lines;
  return `\u001b[H\u001b[2J${shown.join("\n")}\n`;
}

function derivedLine(
  { campaign, name, value, unit, ageMs }: SignalsSnapshot["derived"][number],
  isCut: boolean,
): string {
  const shown = `${value}`.padStart(14).slice(0, 14);
  return `${`${campaign}/${name}`.padEnd(44).slice(0, 44)} ${shown} ${meaning({ text: undefined, unit }, isCut)} ${age(ageMs)}`;
}

/** What stands behind the number: the text of the value where it has one, otherwise the unit; `isCut` to 12 characters. */
function meaning({ text, unit }: Pick<SignalsSnapshot["signals"][number], "text" | "unit">, isCut: boolean): string {
  const whole = printable(text === undefined || text === "" ? unit : `"${text}"`);
  return isCut && whole.length > MEANING_COLUMNS
    ? `${whole.slice(0, MEANING_COLUMNS - 1)}…`
    : whole.padEnd(MEANING_COLUMNS);
}

/** Names of the messages, with their ids where one bus has several of a name with such a signal. */
function messageNames({ signals }: SignalsSnapshot): (signal: SignalsSnapshot["signals"][number]) => string {
  const exact = new Map<string, Set<string>>();
  const of = ({ bus, message, name }: SignalsSnapshot["signals"][number]): string => `${bus}/${message}.${name}`;
  const exactOf = ({ message, id, extended }: SignalsSnapshot["signals"][number]): string =>
    exactNameOf({ name: message, id, extended });
  for (const signal of signals) exact.set(of(signal), (exact.get(of(signal)) ?? new Set()).add(exactOf(signal)));
  return (signal) => ((exact.get(of(signal))?.size ?? 1) > 1 ? exactOf(signal) : signal.message);
}

/** Who sends it, where that is told apart: "from 0x00 to 0x21". */
function sender({ source, destination }: SignalsSnapshot["signals"][number]): string {
  const text = (address: number): string => `0x${address.toString(16).padStart(2, "0")}`;
  if (source === undefined) return "";
  return ` from ${text(source)}${destination === undefined ? "" : ` to ${text(destination)}`}`;
}

function age(ageMs: number): string {
  if (ageMs < 1000) return `${Math.round(ageMs)} ms`;
  return ageMs < 120_000 ? `${(ageMs / 1000).toFixed(1)} s` : `${Math.round(ageMs / 60_000)} min`;
}
