import { printable } from "../../core/plain-text.ts";
import { formatCount, formatCounted, formatDuration } from "../../core/quantity.ts";
import type { Status } from "../../local-api/status-schema.ts";
import type { Colors } from "./reading.ts";

/** A line a bus with requests, with what holds them back. */
export function diagnosticsLines({ diagnostics }: Status, colors: Colors): readonly string[] {
  return (diagnostics?.buses ?? []).flatMap(({ bus, withheld, counts, pending, backingOff }, index) => {
    const { requests, answers, negatives, silent } = counts;
    const head = index === 0 ? "diagnosis  " : "           ";
    const line = `${head}${printable(bus)} ${formatCounted(requests, "request")}, ${formatCount(answers + negatives)} answered, ${formatCount(silent)} not`;
    const units = [
      ...pending.map(({ ecu, ms }) => `${printable(ecu)} pending for ${formatDuration(ms)}`),
      ...backingOff.map(({ ecu, ms }) => `${printable(ecu)} silent, asked again in ${formatDuration(ms)}`),
    ];
    const why = withheld === undefined ? [] : [colors.yellow(printable(withheld.what))];
    return [line, ...[...why, ...units].map((text) => `           ${text}`)];
  });
}

/** Nothing where trouble codes are not followed. */
export function codeLines({ diagnostics }: Status, colors: Colors): readonly string[] {
  const codes = diagnostics?.codes;
  if (codes === undefined) return [];
  const { active, events, refused, delayed } = codes;
  const room = refused === 0 ? "" : colors.red(`, ${formatCounted(refused, "time")} no room for one`);
  const late = delayed === 0 ? "" : colors.yellow(`, ${formatCounted(delayed, "reading")} told late`);
  return [`codes      ${formatCount(active)} active, ${formatCounted(events, "event")}${room}${late}`];
}

/** A line a bus with a J1939 node of ours. */
export function j1939Lines({ diagnostics }: Status, colors: Colors): readonly string[] {
  return (diagnostics?.j1939 ?? []).map(({ bus, state, address, nodes, messages }, index) => {
    const head = index === 0 ? "J1939      " : "           ";
    const own =
      state === "cannot-claim"
        ? colors.red("another node has the address: nothing is asked")
        : state === "claimed"
          ? `address ${address}`
          : state === "off"
            ? "listens only"
            : "no address yet";
    return `${head}${printable(bus)} ${own}, ${formatCounted(nodes, "node")}, ${formatCounted(messages, "diagnostic message")}`;
  });
}
