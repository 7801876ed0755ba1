import { GROUP } from "../../../agent/diagnostics/j1939/groups.ts";
import { groupFilters, MessageLine, type NodeMessage } from "../../../agent/diagnostics/j1939/message-line.ts";
import { J1939Node } from "../../../agent/diagnostics/j1939/node.ts";
import { NodeList } from "../../../agent/diagnostics/j1939/node-list.ts";
import type { FrameWho, SentFrame, TesterBus } from "../../../agent/diagnostics/tester/tester-bus.ts";
import { type CanFrame, FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { ManualClock } from "../core/clock.ts";
import { ShownTap } from "./tester-bus.ts";

/** A bus in memory: what a node sends all others see, and it sees it itself, as from a kernel. */
export class J1939TestBus {
  readonly clock = new ManualClock();
  /** Every frame, as ID#DATA, those of the test too. */
  readonly log: string[] = [];
  /** Frames for which this is true never arrive anywhere. */
  isLost: (frame: CanFrame) => boolean = () => false;
  readonly #taps: ShownTap[] = [];

  /** A frame of somebody without a node here, written as for cansend. */
  put(text: string): void {
    const [id, data] = text.split("#");
    this.send({
      id: Number.parseInt(id, 16),
      flags: FRAME_FLAG.extended,
      data: Uint8Array.from(Buffer.from(data, "hex")),
      receivedAtUs: 0,
    });
  }

  send(frame: CanFrame): void {
    this.log.push(textOf(frame));
    if (this.isLost(frame)) return;
    const received = { ...frame, receivedAtUs: this.clock.wallUs() };
    for (const tap of this.#taps) tap.show(received);
  }

  /** Somebody who only listens. */
  tap(): ShownTap {
    const tap = new ShownTap();
    this.#taps.push(tap);
    return tap;
  }

  /** A node on this bus; its manners let everything out. */
  node(name: bigint, address: number): TestNode {
    const tap = this.tap();
    const line = new MessageLine(tap);
    const tester = new OpenTester((frame) => this.send(frame));
    const nodes = new NodeList();
    const parts = { tester, tap, line, nodes, identity: { name, address }, clock: this.clock, random: () => 0.5 };
    tap.on(groupFilters([GROUP.addressClaim]), (frame) => nodes.take(frame));
    const node = new J1939Node(parts);
    node.start();
    return { node, tap, line, nodes, tester };
  }

  /** Frames since the last call. */
  taken(): readonly string[] {
    return this.log.splice(0);
  }
}

/** A node and what it is made of. */
export type TestNode = {
  readonly node: J1939Node;
  readonly tap: ShownTap;
  readonly line: MessageLine;
  readonly nodes: NodeList;
  readonly tester: OpenTester;
};

/** Lets every frame out, until `withheld` is set. */
export class OpenTester implements Pick<TesterBus, "sendFrame"> {
  withheld: (SentFrame & { readonly kind: "withheld" }) | undefined;
  readonly whos: FrameWho[] = [];
  readonly #put: (frame: CanFrame) => void;

  constructor(put: (frame: CanFrame) => void) {
    this.#put = put;
  }

  async sendFrame(frame: CanFrame, who: FrameWho, signal: AbortSignal): Promise<SentFrame> {
    if (signal.aborted) return { kind: "withheld", reason: "aborted", what: "nobody waits any more" };
    if (this.withheld !== undefined) return this.withheld;
    this.whos.push(who);
    await Promise.resolve();
    this.#put(frame);
    return { kind: "sent" };
  }
}

/** As for cansend. */
export function textOf({ id, data }: Pick<CanFrame, "id" | "data">): string {
  return `${id.toString(16).toUpperCase().padStart(8, "0")}#${Buffer.from(data).toString("hex").toUpperCase()}`;
}

/** The messages of these groups that a line gives from now on. */
export function messagesOf(line: MessageLine, pgns: readonly number[]): readonly NodeMessage[] {
  const messages: NodeMessage[] = [];
  line.on(pgns, (message) => messages.push(message));
  return messages;
}
