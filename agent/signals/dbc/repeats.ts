import type { MessageDraft, ProblemList, SignalDraft } from "./draft.ts";
import { canMeet, type MultiplexPlace, needsOf } from "./multiplexing.ts";

/**
 * The messages, each id once. A message that is there again as it was is told and kept once; of two that differ neither can be
 * trusted, so both are left out.
 */
export function distinctMessages(messages: readonly MessageDraft[], problems: ProblemList): readonly MessageDraft[] {
  const groups = Map.groupBy(messages, ({ rawId }) => rawId);
  return [...groups.values()].flatMap(([first, ...again]) => {
    const other = again.find((message) => contentOf(message) !== contentOf(first));
    for (const { at, name, rawId } of again) {
      const place = `${first.name} in line ${problems.lineOf(first.at)}`;
      if (other === undefined) problems.warn(at, `message ${name} is there again, as ${place}`);
      else problems.error(at, `message id ${rawId} of ${name} is already that of ${place}; both are left out`);
    }
    return other === undefined ? [first] : [];
  });
}

/** The signals without those that are there again as they were, which is told. */
export function withoutRepeats(
  message: MessageDraft,
  signals: readonly SignalDraft[],
  problems: ProblemList,
): readonly SignalDraft[] {
  const lines = new Map<string, SignalDraft>();
  return signals.filter((signal) => {
    const line = lineOf(signal);
    const first = lines.get(line);
    if (first === undefined) lines.set(line, signal);
    else problems.warn(signal.at, `signal ${signal.name} is there again, ${placeOf(first, message, problems)}`);
    return first === undefined;
  });
}

/**
 * The signals that `places` has, each name once, but for branches of a multiplexer that exclude each other. Of two that can be in one
 * frame under one name neither can be trusted, so both are left out.
 */
export function distinctSignals(
  message: MessageDraft,
  places: ReadonlyMap<SignalDraft, MultiplexPlace>,
  problems: ProblemList,
): readonly SignalDraft[] {
  const signals = [...places.keys()];
  const dropped = new Set<SignalDraft>();
  for (const namesakes of Map.groupBy(signals, ({ name }) => name).values()) {
    namesakes.forEach((signal, index) => {
      const needs = needsOf(signal, places);
      const rival = namesakes.slice(0, index).find((earlier) => canMeet(needsOf(earlier, places), needs));
      if (rival === undefined) return;
      problems.error(
        signal.at,
        `signal ${signal.name} is twice, ${placeOf(rival, message, problems)}; both are left out`,
      );
      dropped.add(rival).add(signal);
    });
  }
  return signals.filter((signal) => !dropped.has(signal));
}

function placeOf(first: SignalDraft, message: MessageDraft, problems: ProblemList): string {
  return `first in line ${problems.lineOf(first.at)} of message ${message.name}`;
}

function contentOf({ name, length, signals }: MessageDraft): string {
  return JSON.stringify([name, length, signals.map(lineOf)]);
}

/** What the SG_ line says of how the signal is read. */
function lineOf({ name, indicator, startBit, bits, byteOrder, signed, factor, offset, unit }: SignalDraft): string {
  return JSON.stringify([name, indicator, startBit, bits, byteOrder, signed, factor, offset, unit]);
}
