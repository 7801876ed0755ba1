import type { MessageEntry } from "../../signals/signal-entry.ts";
import type { SenderSlots } from "../../signals/signal-slots.ts";
import type { SignalTable } from "../../signals/signal-table.ts";
import type { FramePass } from "./lane.ts";
import type { LatestValues } from "./latest-values.ts";
import { SamplerChains, type SamplerLink } from "./sampler-chains.ts";
import { SignalPass } from "./signal-pass.ts";

/** Who takes part in a frame: first those who work something out of its signals, then those who take samples of it. */
export type FrameLinks = { readonly readers: readonly SamplerLink[]; readonly samplers: readonly SamplerLink[] };

/** For whom the frames are taken. */
export interface FrameUser {
  /** Links for what a J1939 sender sends, whose first frame has just come. */
  admit(sender: SenderSlots): FrameLinks;
  /** The readers have all signals of a frame, of which nothing is sampled yet. On the frame path. */
  settle(timeUs: number): void;
}

/**
 * Brings each decoded frame to the samplers that want its signals, in one pass for all campaigns. Samples keep their receive time, and
 * the order of their frames: when the wall clock steps back, so do the times.
 */
export class Collector {
  /** The frame that is being taken, and whether lanes must be drained before the next. */
  readonly pass: FramePass = { frame: 0, isFull: false };
  /** Samples of J1939 senders that there is no room for. */
  discardedSamples = 0;
  readonly #table: SignalTable;
  readonly #readers: SamplerChains;
  readonly #samplers: SamplerChains;
  readonly #signals: SignalPass;
  #links: FrameLinks = { readers: [], samplers: [] };
  #user: FrameUser | undefined;
  #knownSenders = 0;

  constructor(table: SignalTable) {
    this.#table = table;
    this.#readers = new SamplerChains(table.slots.capacity);
    this.#samplers = new SamplerChains(table.slots.capacity);
    this.#signals = new SignalPass(table, this.#readers, this.#samplers);
  }

  /** The newest value of every signal, collected or not. */
  get latest(): LatestValues {
    return this.#signals.latest;
  }

  /** From the next frame on these take part, and no others. */
  use(links: FrameLinks, user: FrameUser): void {
    this.#user = user;
    this.#knownSenders = this.#table.slots.senders.length;
    this.#link(links);
  }

  /**
   * Takes what is wanted from the table's buffers, into which `message` has just been decoded. `allPresent` says that the table's
   * `present` need not be looked at; `firstSlot` who sent it, -1 for a sender that there is no room for. On the frame path: allocates
   * nothing (but for growth of a batch).
   */
  take(
    message: MessageEntry,
    allPresent: boolean,
    receivedAtUs: number,
    firstSlot: number = message.firstSignal,
  ): void {
    if (firstSlot < 0) {
      this.#discard(message);
      return;
    }
    if (this.#table.slots.senders.length > this.#knownSenders) this.#admitSenders();
    this.pass.frame += 1;
    if (this.#links.readers.length > 0 && this.#signals.read(message, allPresent, receivedAtUs, firstSlot)) {
      this.#user?.settle(receivedAtUs);
    }
    this.#signals.take(message, allPresent, receivedAtUs, firstSlot);
  }

  #discard({ firstSignal, signalCount }: MessageEntry): void {
    const { wanted } = this.#table;
    for (let at = firstSignal; at < firstSignal + signalCount; at++) this.discardedSamples += wanted[at];
  }

  #admitSenders(): void {
    const { senders } = this.#table.slots;
    const added = senders.slice(this.#knownSenders).flatMap((sender) => this.#user?.admit(sender) ?? []);
    this.#knownSenders = senders.length;
    this.#link(joinedLinks([this.#links, ...added]));
  }

  #link(links: FrameLinks): void {
    this.#links = links;
    this.#readers.use(links.readers);
    this.#samplers.use(links.samplers);
  }
}

/** Links of several as those of one. */
export function joinedLinks(links: readonly FrameLinks[]): FrameLinks {
  return {
    readers: links.flatMap(({ readers }) => readers),
    samplers: links.flatMap(({ samplers }) => samplers),
  };
}
