import { aborted } from "../../core/aborted.ts";
import { ChangeSignal } from "../../core/change-signal.ts";
import type { Clock } from "../../core/clock.ts";
import type { CanFrame } from "../../ports/frame.ts";
import type { FrameWho, SentFrame } from "../tester/tester-bus.ts";
import { frameOf, GLOBAL_ADDRESS, GROUP, NULL_ADDRESS, PRIORITY } from "./groups.ts";
import { nameBytes, nameFields } from "./name.ts";

/** Who wants an address, and what the bus is like. */
export type ClaimParts = {
  readonly name: bigint;
  /** Address that is claimed first, 0..253. */
  readonly preferred: number;
  /** NAME of who holds an address; undefined where nobody is known to. */
  readonly holder: (address: number) => bigint | undefined;
  /** Puts a claim onto the bus; see `TesterBus.sendFrame`. */
  readonly send: (frame: CanFrame, who: FrameWho, signal: AbortSignal) => Promise<SentFrame>;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
  /** Aborts when nothing may be sent any more. */
  readonly ended: AbortSignal;
};

/** How far this node is on its way to an address. "cannot-claim" stays until the end of the process (SAE J1939-81, 4.4.3). */
export type ClaimState =
  | { readonly kind: "none" }
  | { readonly kind: "claiming"; readonly address: number }
  | { readonly kind: "claimed"; readonly address: number }
  | { readonly kind: "cannot-claim" };

/** An address to send from, or why there is none. */
export type Claimed =
  | { readonly kind: "address"; readonly address: number }
  | { readonly kind: "cannot-claim" }
  | Unsent;
type Unsent = Exclude<SentFrame, { readonly kind: "sent" }>;

/** Counts since start. */
export type ClaimCounts = { readonly sent: number; readonly contests: number; readonly lost: number };

/** Time without contest after which an address is one's own (SAE J1939-81, 4.4.1). */
const CONTEST_MS = 250;
/** Longest random delay before "cannot claim": 255 times 0.6 ms (SAE J1939-81, 4.4.3.3). */
const CANNOT_CLAIM_DELAY_MS = 153;
/** Addresses that nodes choose among by themselves (SAE J1939-81, 4.2; the same range in ISO 11783-5). */
const FREE_RANGE = { first: 128, last: 247 } as const;

/**
 * The address of this node (SAE J1939-81): claims it when somebody first needs one, keeps it against higher NAMEs, and where a lower one
 * wants it takes another, or says that it cannot claim. Nothing is sent before it is asked for an address, and nothing but through `send`.
 */
export class AddressClaim {
  readonly #parts: ClaimParts;
  readonly #changed = new ChangeSignal();
  readonly #tried = new Set<number>();
  #state: ClaimState = { kind: "none" };
  #running: Promise<Claimed> | undefined;
  #sent = 0;
  #contests = 0;
  #lost = 0;

  constructor(parts: ClaimParts) {
    this.#parts = parts;
  }

  get state(): ClaimState {
    return this.#state;
  }

  get counts(): ClaimCounts {
    return { sent: this.#sent, contests: this.#contests, lost: this.#lost };
  }

  /** The address, claimed first where there is none: that takes a quarter of a second, and again as long for each that is lost. */
  async address(who: FrameWho, signal: AbortSignal): Promise<Claimed> {
    if (this.#state.kind === "claimed") return { kind: "address", address: this.#state.address };
    if (this.#state.kind === "cannot-claim") return { kind: "cannot-claim" };
    this.#running ??= this.#claim(who).finally(() => {
      this.#running = undefined;
    });
    return Promise.race([this.#running, aborted(signal).then(() => ENDED)]);
  }

  /** A claim of somebody else, or our own come back. */
  takeClaim(source: number, name: bigint): void {
    if (name === this.#parts.name || !("address" in this.#state) || this.#state.address !== source) return;
    this.#contests += 1;
    if (name > this.#parts.name) {
      void this.#defend(source);
      return;
    }
    this.#lost += 1;
    const wasClaimed = this.#state.kind === "claimed";
    this.#state = { kind: "none" };
    this.#changed.notify();
    if (wasClaimed) void this.address("transport", this.#parts.ended);
  }

  /** Somebody asks us, or all, who is there. */
  takeRequest(): void {
    if (this.#state.kind === "cannot-claim") void this.#sayCannotClaim();
    else if (this.#state.kind !== "none") void this.#defend(this.#state.address);
  }

  async #claim(who: FrameWho): Promise<Claimed> {
    for (let address = this.#next(); address !== undefined; address = this.#next()) {
      this.#tried.add(address);
      this.#state = { kind: "claiming", address };
      const sent = await this.#sendClaim(address, who);
      if (sent.kind !== "sent") return this.#giveUp(address, sent);
      await this.#contestTime(address);
      if (!this.#holds(address)) continue;
      if (this.#parts.ended.aborted) return this.#giveUp(address, ENDED);
      this.#state = { kind: "claimed", address };
      this.#tried.clear();
      return { kind: "address", address };
    }
    this.#state = { kind: "cannot-claim" };
    await this.#sayCannotClaim();
    return { kind: "cannot-claim" };
  }

  /** Whether the address is still being claimed, or ours. */
  #holds(address: number): boolean {
    return "address" in this.#state && this.#state.address === address;
  }

  #giveUp(address: number, why: Unsent): Unsent {
    this.#tried.delete(address);
    this.#state = { kind: "none" };
    return why;
  }

  async #contestTime(address: number): Promise<void> {
    const over = new AbortController();
    const either = AbortSignal.any([this.#parts.ended, over.signal]);
    const timer = this.#parts.clock.sleep(CONTEST_MS, either).then(() => over.abort());
    while (this.#holds(address) && !either.aborted) await this.#changed.next(either);
    over.abort();
    await timer;
  }

  /** The next address to try: the preferred one, then, where the NAME may take any, those of the free range that nobody holds. */
  #next(): number | undefined {
    const { name, preferred } = this.#parts;
    const isOpen = (address: number): boolean => {
      const holder = this.#parts.holder(address);
      return !this.#tried.has(address) && (holder === undefined || holder >= name);
    };
    if (isOpen(preferred)) return preferred;
    if (!nameFields(name).arbitraryAddress) return undefined;
    for (let address = FREE_RANGE.first; address <= FREE_RANGE.last; address += 1) {
      if (!this.#tried.has(address) && this.#parts.holder(address) === undefined) return address;
    }
    return undefined;
  }

  /** Says again whose the address is. One that cannot be defended is lost: nobody would know that it is ours. */
  async #defend(address: number): Promise<void> {
    const sent = await this.#sendClaim(address, "transport");
    if (sent.kind === "sent" || !this.#holds(address)) return;
    this.#state = { kind: "none" };
    this.#changed.notify();
  }

  async #sayCannotClaim(): Promise<void> {
    await this.#parts.clock.sleep(this.#parts.random() * CANNOT_CLAIM_DELAY_MS, this.#parts.ended);
    await this.#sendClaim(NULL_ADDRESS, "transport");
  }

  async #sendClaim(source: number, who: FrameWho): Promise<SentFrame> {
    const way = { source, destination: GLOBAL_ADDRESS, priority: PRIORITY.usual };
    const { name, send, ended } = this.#parts;
    const sent = await send(frameOf(GROUP.addressClaim, way, nameBytes(name)), who, ended);
    if (sent.kind === "sent") this.#sent += 1;
    return sent;
  }
}

const ENDED = { kind: "withheld", reason: "aborted", what: "ended before the address was claimed" } as const;
