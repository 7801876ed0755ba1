import type { CampaignDocument } from "../../../../config/campaign.ts";
import type { MessageEntry } from "../../../signals/signal-entry.ts";
import type { SignalTable } from "../../../signals/signal-table.ts";

/** Between two frames of a message whose DBC file does not say it, ms. */
const DEFAULT_CYCLE_MS = 100;

type FrameChoice = CampaignDocument["frames"][number];

/** How often the frames of a table come, as its DBC files say; a J1939 message counts for one sender. */
export class FrameRates {
  readonly #messages: readonly MessageEntry[];
  /** By signal. */
  readonly #messageOf: Int32Array;

  constructor({ messages, signals }: Pick<SignalTable, "messages" | "signals">) {
    this.#messages = messages;
    this.#messageOf = new Int32Array(signals.length);
    messages.forEach(({ firstSignal, signalCount }, at) => {
      this.#messageOf.fill(at, firstSignal, firstSignal + signalCount);
    });
  }

  /** Index of the message that a signal of the table is in. */
  messageOf(signal: number): number {
    return this.#messageOf[signal];
  }

  /** Frames a second of these messages together. */
  of(messages: ReadonlySet<number>): number {
    return [...messages].reduce((total, message) => total + hzOf(this.#messages[message]), 0);
  }

  /** The messages whose frames a black box keeps, by their index. */
  messagesIn({ bus, ids }: FrameChoice): readonly number[] {
    return this.#messages.flatMap((message, at) => {
      const isKept = isOnBus(message, bus) && (ids === undefined || ids.some((choice) => isMessage(choice, message)));
      return isKept ? [at] : [];
    });
  }

  /** Frames a second of a black box that no DBC file knows: each id as often as a message of unknown cycle. */
  ofUnknown({ bus, ids = [] }: FrameChoice): number {
    const own = this.#messages.filter((message) => isOnBus(message, bus));
    const unknown = ids.filter((choice) => !own.some((message) => isMessage(choice, message)));
    return unknown.length * (1000 / DEFAULT_CYCLE_MS);
  }
}

/** Whether frames of the bus carry the message. */
function isOnBus(message: MessageEntry, bus: string): boolean {
  return message.bus === bus && message.carriage === "frames";
}

function isMessage(choice: NonNullable<FrameChoice["ids"]>[number], message: MessageEntry): boolean {
  if ("pgn" in choice) return message.pgn === choice.pgn;
  return message.arbitrationId === choice.id && message.extended === choice.extended;
}

function hzOf({ cycleMs = DEFAULT_CYCLE_MS }: MessageEntry): number {
  return 1000 / cycleMs;
}
