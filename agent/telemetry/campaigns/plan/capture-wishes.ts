import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { MessageEntry, SignalEntry } from "../../../signals/signal-entry.ts";
import type { BusMessages, SignalTable } from "../../../signals/signal-table.ts";
import { HistoryFilter, type HistoryWish, wishesFor } from "../../history/history-filter.ts";
import type { CampaignPlan } from "./campaign-plan.ts";

/** Which frames a campaign wants around its triggers. Buses are numbered in the order of the configuration. */
export type CaptureWishes = {
  /** Of the signals that it collects. */
  readonly signals: HistoryFilter;
  /** Of its black box. */
  readonly frames: HistoryFilter;
  /** Both. */
  readonly all: readonly HistoryWish[];
  readonly filter: HistoryFilter;
  readonly busNames: readonly string[];
  readonly messages: readonly BusMessages[];
};

/** The frames that a plan needs from the history. `busNames`: of the configuration, in its order. */
export function captureWishes(
  { document, samplings, expressions }: CampaignPlan,
  table: SignalTable,
  busNames: readonly string[],
): CaptureWishes {
  const collected = samplings.flatMap(({ signals }) =>
    signals.flatMap(({ chosen }) => (chosen.kind === "table" ? [chosen.signal] : [])),
  );
  const wanted = expressions.derived.length > 0 ? [...collected, ...expressions.inputs] : collected;
  const messages = messagesOf(wanted, table);
  const signals = distinct(messages.flatMap((message) => wishesFor(busNames.indexOf(message.bus), message)));
  const frames = document.frames.flatMap((choice) => frameWishes(choice, busNames));
  return {
    signals: new HistoryFilter(signals),
    frames: new HistoryFilter(frames),
    all: [...signals, ...frames],
    filter: new HistoryFilter([...signals, ...frames]),
    busNames,
    messages: busNames.map((name) => table.bus(name)),
  };
}

/** The messages that the signals are in, in the order of the table. */
function messagesOf(signals: readonly SignalEntry[], { messages }: SignalTable): readonly MessageEntry[] {
  const wanted = new Set(signals.map(({ index }) => index));
  return messages.filter(({ firstSignal, signalCount }) => {
    for (let signal = firstSignal; signal < firstSignal + signalCount; signal++) if (wanted.has(signal)) return true;
    return false;
  });
}

function frameWishes(
  { bus, ids }: CampaignDocument["frames"][number],
  busNames: readonly string[],
): readonly HistoryWish[] {
  const number = busNames.indexOf(bus);
  if (ids === undefined) return [{ kind: "bus", bus: number }];
  return ids.map((choice) =>
    "pgn" in choice ? { kind: "pgn", bus: number, ...choice } : { kind: "id", bus: number, ...choice },
  );
}

function distinct(wishes: readonly HistoryWish[]): readonly HistoryWish[] {
  return [...new Map(wishes.map((wish) => [JSON.stringify(wish), wish])).values()];
}
