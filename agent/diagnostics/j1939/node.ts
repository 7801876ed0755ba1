import type { Clock } from "../../core/clock.ts";
import { TokenBucket } from "../../core/token-bucket.ts";
import type { CanFrame } from "../../ports/frame.ts";
import { destinationOf, pgnOf, sourceOf } from "../../signals/pgn.ts";
import { TRANSPORT_GROUPS } from "../../signals/transport/j1939-transport.ts";
import type { FrameTap } from "../tester/frame-tap.ts";
import type { FrameWho, SentFrame, TesterBus } from "../tester/tester-bus.ts";
import { notSupportedBytes } from "./acknowledgement.ts";
import { AddressClaim, type ClaimCounts, type ClaimState } from "./address-claim.ts";
import { frameOf, GLOBAL_ADDRESS, GROUP, NULL_ADDRESS, PRIORITY, requestedGroup } from "./groups.ts";
import { groupFilters, type MessageLine } from "./message-line.ts";
import { nameIn } from "./name.ts";
import type { NodeList } from "./node-list.ts";
import { type ReceivedTransferCounts, ReceivedTransfers } from "./received-transfers.ts";
import { type GroupReply, requestGroup } from "./request-group.ts";
import { type SentMessage, sendMessage } from "./send-message.ts";
import { parseControl, type TransferControl } from "./transfer-control.ts";

/** What a node is made of. */
export type NodeParts = {
  readonly tester: Pick<TesterBus, "sendFrame">;
  readonly tap: FrameTap;
  readonly line: MessageLine;
  /** Who claimed which address, as seen by whoever listens. */
  readonly nodes: Pick<NodeList, "holder">;
  readonly identity: NodeIdentity;
  readonly clock: Clock;
  /** 0 up to 1. */
  readonly random: () => number;
};

/** Who this node is: its NAME, and the address that it would like. */
export type NodeIdentity = { readonly name: bigint; readonly address: number };

/** How this node does, for status. */
export type NodeState = {
  readonly claim: ClaimState;
  readonly claims: ClaimCounts;
  readonly transfers: ReceivedTransferCounts;
  /** Requests of others that were not answered, as there were too many. */
  readonly ignoredRequests: number;
};

/** Without an address nothing is sent. */
export type NoAddress = { readonly kind: "no-address" };

/** Answers to requests of others within a second; what is beyond is counted. */
const REPLIES_PER_SECOND = 10;

/**
 * This agent as a node of a J1939 bus. Everything goes out through the tester of the bus and its manners; the address is claimed when
 * something is first to be sent. While there is an address, it is kept, requests for it and for what this node does not have are
 * answered, and transfers to it are taken.
 */
export class J1939Node {
  readonly #parts: NodeParts;
  readonly #claim: AddressClaim;
  readonly #transfers: ReceivedTransfers;
  readonly #replies: TokenBucket;
  readonly #ended = new AbortController();
  #releases: readonly (() => void)[] = [];
  #ignoredRequests = 0;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    const { clock, random, identity, nodes } = parts;
    const ended = this.#ended.signal;
    this.#claim = new AddressClaim({
      name: identity.name,
      preferred: identity.address,
      holder: (address) => nodes.holder(address),
      send: (frame, who, signal) => this.#send(frame, who, signal),
      clock,
      random,
      ended,
    });
    this.#transfers = new ReceivedTransfers({
      own: () => this.address,
      send: (frame) => this.#send(frame, "transport", ended),
      clock,
      ended,
    });
    this.#replies = new TokenBucket(REPLIES_PER_SECOND, 1000, () => clock.monotonicMs());
  }

  /** Begins to listen. Nothing is sent by that. */
  start(): void {
    const { tap } = this.#parts;
    this.#releases = [
      tap.on(groupFilters([GROUP.addressClaim]), (frame) => this.#takeClaim(frame)),
      tap.on(groupFilters([GROUP.request]), (frame) => this.#takeRequest(frame)),
      tap.on(groupFilters(TRANSPORT_GROUPS), (frame) => this.#transfers.take(frame)),
    ];
  }

  /** Falls silent; what is under way ends as withheld. */
  stop(): void {
    this.#ended.abort();
    for (const release of this.#releases) release();
    this.#releases = [];
  }

  state(): NodeState {
    return {
      claim: this.#claim.state,
      claims: this.#claim.counts,
      transfers: this.#transfers.counts,
      ignoredRequests: this.#ignoredRequests,
    };
  }

  /** Our address; undefined while there is none. */
  get address(): number | undefined {
    const { state } = this.#claim;
    return state.kind === "claimed" ? state.address : undefined;
  }

  /** Asks a node, or all with 255, for a group. The claims of all may be asked for without an address. */
  async request(pgn: number, to: number, who: FrameWho, signal: AbortSignal): Promise<GroupReply | NoAddress> {
    const over = AbortSignal.any([signal, this.#ended.signal]);
    const own = await this.#source(pgn, who, over);
    if (typeof own !== "number") return own;
    return requestGroup({ ...this.#parts, send: this.#sendBound }, { pgn, to, own }, who, over);
  }

  /** Sends a message of up to 1785 bytes to a node, or to all with 255, from our address. */
  async send(
    { pgn, to, data }: { readonly pgn: number; readonly to: number; readonly data: Uint8Array },
    who: FrameWho,
    signal: AbortSignal,
  ): Promise<SentMessage | NoAddress> {
    const over = AbortSignal.any([signal, this.#ended.signal]);
    const source = await this.#source(pgn, who, over);
    if (typeof source !== "number") return source;
    const message = { pgn, data, way: { source, destination: to, priority: PRIORITY.usual } };
    return sendMessage(
      { send: this.#sendBound, controls: this.#controls, clock: this.#parts.clock },
      message,
      who,
      over,
    );
  }

  async #source(
    pgn: number,
    who: FrameWho,
    signal: AbortSignal,
  ): Promise<number | NoAddress | Exclude<SentFrame, { readonly kind: "sent" }>> {
    if (pgn === GROUP.addressClaim && this.address === undefined) return NULL_ADDRESS;
    const claimed = await this.#claim.address(who, signal);
    if (claimed.kind === "address") return claimed.address;
    return claimed.kind === "cannot-claim" ? { kind: "no-address" } : claimed;
  }

  #takeClaim(frame: CanFrame): void {
    const name = nameIn(frame.data);
    if (name !== undefined) this.#claim.takeClaim(sourceOf(frame.id), name);
  }

  #takeRequest({ id, data }: CanFrame): void {
    const own = this.address;
    const pgn = requestedGroup(data);
    const source = sourceOf(id);
    const isForUs = own !== undefined && destinationOf(id) === own;
    const isForAll = destinationOf(id) === GLOBAL_ADDRESS;
    if (pgn === undefined || source === own || !(isForUs || isForAll)) return;
    if (pgn !== GROUP.addressClaim && !isForUs) return;
    if (!this.#replies.hasToken()) {
      this.#ignoredRequests += 1;
      return;
    }
    this.#replies.take();
    if (pgn === GROUP.addressClaim) this.#claim.takeRequest();
    else if (own !== undefined) void this.#refuse(own, source, pgn);
  }

  /** A node says so when it is asked for what it does not have; when all are asked, it is silent (SAE J1939-21, 5.4.4). */
  #refuse(own: number, asker: number, pgn: number): Promise<SentFrame> {
    const way = { source: own, destination: GLOBAL_ADDRESS, priority: PRIORITY.usual };
    const frame = frameOf(GROUP.acknowledgement, way, notSupportedBytes(asker, pgn));
    return this.#send(frame, "transport", this.#ended.signal);
  }

  #send(frame: CanFrame, who: FrameWho, signal: AbortSignal): Promise<SentFrame> {
    return this.#parts.tester.sendFrame(frame, who, signal);
  }

  readonly #sendBound = (frame: CanFrame, who: FrameWho, signal: AbortSignal): Promise<SentFrame> =>
    this.#send(frame, who, signal);

  readonly #controls = (from: number, own: number, take: (control: TransferControl) => void): (() => void) =>
    this.#parts.tap.on(groupFilters([GROUP.transferControl]), (frame) => {
      if (pgnOf(frame.id) !== GROUP.transferControl || sourceOf(frame.id) !== from) return;
      const control = destinationOf(frame.id) === own ? parseControl(frame.data) : undefined;
      if (control !== undefined) take(control);
    });
}
