import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { Log } from "../../core/log.ts";

/** What a store remembers of one slot of a group. */
export type SlotState = {
  /** Which process has or had it. */
  readonly owner: string;
  /** ms since the Unix epoch until which it is the owner's. */
  readonly untilMs: number;
  /** The owner has ended its session at the broker: nothing is kept there under the name of the slot. */
  readonly hasLeft: boolean;
};

/** Slots of a group in a store that all its workers use. */
export interface SlotBook {
  read(slot: number): Promise<SlotState | undefined>;
  /** False where the slot is not as `before` any more: then nothing is written. */
  write(slot: number, state: SlotState, before: SlotState | undefined): Promise<boolean>;
}

export type SlotParts = {
  readonly book: SlotBook;
  readonly slots: number;
  /** No other process has it. */
  readonly owner: string;
  readonly clock: Clock;
  readonly log: Log;
};

/** A slot is somebody else's when its owner has said nothing for so long, ms: more than clocks of two workers differ. */
const LEASE_MS = 60_000;
const RENEW_MS = 15_000;
const WAIT_MS = 5000;

/** A slot that a process has until it gives it back, or `lost` aborts. */
export type SlotLease = { readonly slot: number; readonly lost: AbortSignal; release(hasLeft: boolean): Promise<void> };

/**
 * Takes a slot, and waits until one is free. First those whose owner has gone without leaving: the broker keeps records under their names, which
 * nobody else would get. Two workers on one slot would do no harm but to hold each other up: the broker lets in one of them at a time. Undefined
 * when `signal` aborts. Rejects when the store cannot be asked.
 */
export async function claimSlot(parts: SlotParts, signal: AbortSignal): Promise<SlotLease | undefined> {
  const { clock, log, owner } = parts;
  for (let attempt = 0; !signal.aborted; attempt++) {
    const found = await freeSlot(parts);
    if (found !== undefined) {
      log.info("consumer.slot-claimed", { slot: found.slot, owner, hadLeft: found.before?.hasLeft ?? true });
      return keep(parts, found.slot, found.state);
    }
    if (attempt === 0) log.warn("consumer.no-slot-free", { slots: parts.slots });
    await clock.sleep(WAIT_MS, signal);
  }
  return undefined;
}

type Found = { readonly slot: number; readonly state: SlotState; readonly before: SlotState | undefined };

async function freeSlot({ book, slots, owner, clock }: SlotParts): Promise<Found | undefined> {
  const nowMs = nowMsOf(clock);
  const all = await Promise.all(
    Array.from({ length: slots }, async (_, slot) => ({ slot, before: await book.read(slot) })),
  );
  const free = all.filter(({ before }) => before === undefined || before.hasLeft || before.untilMs < nowMs);
  const isKept = ({ before }: (typeof free)[number]): boolean => before !== undefined && !before.hasLeft;
  for (const { slot, before } of [...free.filter(isKept), ...free.filter((one) => !isKept(one))]) {
    const state = { owner, untilMs: nowMs + LEASE_MS, hasLeft: false };
    if (await book.write(slot, state, before)) return { slot, state, before };
  }
  return undefined;
}

function nowMsOf(clock: Clock): number {
  return Math.floor(clock.wallUs() / 1000);
}

function keep({ book, clock, log }: SlotParts, slot: number, first: SlotState): SlotLease {
  const lost = new AbortController();
  const released = new AbortController();
  let state = first;
  const renew = async (): Promise<void> => {
    while (!released.signal.aborted && !lost.signal.aborted) {
      await clock.sleep(RENEW_MS, released.signal);
      if (released.signal.aborted) return;
      const next = { ...state, untilMs: nowMsOf(clock) + LEASE_MS };
      const outcome = await book.write(slot, next, state).catch((thrown: unknown) => {
        // The store is away: the session goes on, and another worker may take the slot when it comes to that.
        log.warn("consumer.slot-not-renewed", { slot, what: messageOf(thrown) });
        return undefined;
      });
      if (outcome === true) state = next;
      if (outcome !== false) continue;
      log.error("consumer.slot-lost", { slot });
      lost.abort();
    }
  };
  const renewing = renew();
  const release = async (hasLeft: boolean): Promise<void> => {
    released.abort();
    await renewing;
    if (lost.signal.aborted) return;
    await book.write(slot, { ...state, untilMs: 0, hasLeft }, state).catch((thrown: unknown) => {
      log.warn("consumer.slot-not-released", { slot, what: messageOf(thrown) });
    });
  };
  return { slot, lost: lost.signal, release };
}
