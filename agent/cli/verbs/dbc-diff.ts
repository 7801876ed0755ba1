import type { Command } from "commander";
import { EXIT } from "../../core/errors.ts";
import { printable } from "../../core/plain-text.ts";
import { formatCounted } from "../../core/quantity.ts";
import {
  type DbcChange,
  diffDatabases,
  type MessageDifference,
  type SignalDifference,
} from "../../signals/dbc/diff.ts";
import { idText } from "../../signals/dbc/field-texts.ts";
import type { DbcMessage, DbcSignal } from "../../signals/dbc/model.ts";
import { type CliContext, printJson, printText } from "../context.ts";
import { encodingOption, readDbcFile, reportErrors } from "../dbc-file.ts";
import { signalCells } from "../dbc-text.ts";

type DiffOptions = { readonly encoding?: string; readonly comments: boolean };
type Line = { readonly indent: number; readonly text: string };

/** Fields that say nothing of how a frame is read. */
const NOTES = new Set(["comment", "sender", "receivers"]);

/** `causeway dbc diff`: works with the daemon down. */
export function registerDbcDiff(dbc: Command, context: CliContext): void {
  dbc
    .command("diff <before> <after>")
    .description("what is not the same in two DBC files: messages and signals added (+), removed (-) and changed (~)")
    .option("--no-comments", "leave out comments, senders and receivers")
    .addOption(encodingOption())
    .addHelpText(
      "after",
      "\nEnds with 0 when they say the same, with 1 when they differ, with 65 when one cannot be read whole. Order and layout of the\nfiles do not count.\n\nExamples:\n  causeway dbc diff vehicle.dbc vehicle-new.dbc\n  causeway dbc diff --no-comments --json a.dbc b.dbc",
    )
    .action(async (before: string, after: string, options: DiffOptions) => {
      const old = await readDbcFile(before, options.encoding);
      const fresh = await readDbcFile(after, options.encoding);
      const all = diffDatabases(old.database, fresh.database);
      const differences = options.comments ? all : all.flatMap(withoutNotes);
      if (differences.length > 0) context.finish(EXIT.failed);
      reportErrors(context, before, old.errors);
      reportErrors(context, after, fresh.errors);
      if (context.options().json) printJson(context, diffJson(before, after, differences));
      else
        for (const { indent, text } of linesOf(differences))
          printText(context, " ".repeat(indent) + printable(text), indent + 4);
    });
}

/** A difference without what is noted, where more is left of it. */
function withoutNotes(difference: MessageDifference): readonly MessageDifference[] {
  if (difference.kind !== "changed") return [difference];
  const changes = difference.changes.filter(({ field }) => !NOTES.has(field));
  const signals = difference.signals.flatMap((signal): readonly SignalDifference[] => {
    if (signal.kind !== "changed") return [signal];
    const left = signal.changes.filter(({ field }) => !NOTES.has(field));
    return left.length === 0 ? [] : [{ ...signal, changes: left }];
  });
  return changes.length + signals.length === 0 ? [] : [{ ...difference, changes, signals }];
}

function linesOf(differences: readonly MessageDifference[]): readonly Line[] {
  if (differences.length === 0) return [{ indent: 0, text: "no difference" }];
  const count = (kind: MessageDifference["kind"]): number => differences.filter((one) => one.kind === kind).length;
  const total = `${formatCounted(count("added"), "message")} added, ${count("removed")} removed, ${count("changed")} changed`;
  return [...differences.flatMap(messageLines), { indent: 0, text: total }];
}

function messageLines(difference: MessageDifference): readonly Line[] {
  const { kind, message } = difference;
  const name = `${idText(message)} ${message.name}`;
  if (kind !== "changed") {
    const size = `${formatCounted(message.length, "byte")}, ${formatCounted(message.signals.length, "signal")}`;
    return [{ indent: 0, text: `${signOf(kind)} ${name}: ${size}` }];
  }
  return [
    { indent: 0, text: `~ ${name}` },
    ...difference.changes.map((change) => ({ indent: 4, text: changeText(change) })),
    ...difference.signals.flatMap(signalLines),
  ];
}

function signalLines(difference: SignalDifference): readonly Line[] {
  if (difference.kind === "changed") {
    const { name, changes } = difference;
    return [{ indent: 2, text: `~ ${name}` }, ...changes.map((change) => ({ indent: 6, text: changeText(change) }))];
  }
  const { kind, signal } = difference;
  return [{ indent: 2, text: `${signOf(kind)} ${signal.name}: ${signalCells(signal).join(", ")}` }];
}

function signOf(kind: "added" | "removed"): string {
  return kind === "added" ? "+" : "-";
}

function changeText({ field, before, after }: DbcChange): string {
  if (before === "") return `${field}: + ${after}`;
  return after === "" ? `${field}: - ${before}` : `${field}: ${before} -> ${after}`;
}

function diffJson(before: string, after: string, differences: readonly MessageDifference[]) {
  const of = (kind: "added" | "removed") =>
    differences.flatMap((one) => (one.kind === kind ? [messageJson(one.message)] : []));
  const changed = differences.flatMap((one) => (one.kind === "changed" ? [changedJson(one)] : []));
  const same = differences.length === 0;
  return { schemaVersion: 1, before, after, same, added: of("added"), removed: of("removed"), changed };
}

function messageJson({ id, extended, name, length, signals }: DbcMessage) {
  return { id, ext: extended, name, length, signals: signals.map((signal) => signal.name) };
}

function changedJson({ message, changes, signals }: Extract<MessageDifference, { kind: "changed" }>) {
  const of = (kind: "added" | "removed") =>
    signals.flatMap((one) => (one.kind === kind ? [signalJson(one.signal)] : []));
  const changed = signals.flatMap((one) => (one.kind === "changed" ? [{ name: one.name, changes: one.changes }] : []));
  const { id, extended, name } = message;
  return { id, ext: extended, name, changes, signals: { added: of("added"), removed: of("removed"), changed } };
}

function signalJson({ name, startBit, bits, byteOrder, kind, signed, factor, offset, unit }: DbcSignal) {
  return { name, startBit, bits, byteOrder, kind, signed, factor, offset, unit };
}
