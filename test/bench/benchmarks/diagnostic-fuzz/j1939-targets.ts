import { parseAcknowledgement } from "../../../../agent/diagnostics/j1939/acknowledgement.ts";
import { requestedGroup } from "../../../../agent/diagnostics/j1939/groups.ts";
import { nameFields, nameIn, nameText } from "../../../../agent/diagnostics/j1939/name.ts";
import { parseControl } from "../../../../agent/diagnostics/j1939/transfer-control.ts";
import { type CanFrame, FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { FastPackets } from "../../../../agent/signals/transport/fast-packets.ts";
import { J1939Transport } from "../../../../agent/signals/transport/j1939-transport.ts";
import { noCounts } from "../../../../agent/signals/transport/partial-messages.ts";
import { J1939TestBus } from "../../../fakes/diagnostics/j1939-bus.ts";
import type { Dice } from "../campaign-grammar.ts";
import { SpoiltSenders, spoiltPdu } from "./fuzz-inputs.ts";
import { type FuzzTarget, pduTarget } from "./fuzz-target.ts";

/** Messages that may be begun at a time, on any bus; transfers that a node takes; timers of it. */
const MOST_MESSAGES = 256;
const MOST_TRANSFERS = 16;
const MOST_TIMERS = 100;
const OWN = 0x80;
/** Senders: more pairs of source and destination than are kept. */
export const SOURCES = Array.from({ length: 120 }, (_, at) => at);
const GROUPS = [0xfeca, 0xfecb, 0xfeec, 0xfed8, 0xef00, 0xee00];

/** A transfer of J1939, to all or to one; some announce what cannot be. */
export function transferFrames(dice: Dice, source: number): readonly CanFrame[] {
  const to = dice.chance(0.5) ? 0xff : dice.pick([OWN, dice.below(254)]);
  const bytes = dice.chance(0.1) ? dice.below(0x1_0000) : 9 + dice.below(100);
  const packets = dice.chance(0.05) ? dice.below(256) : Math.min(255, Math.ceil(bytes / 7));
  const pgn = dice.chance(0.9) ? dice.pick(GROUPS) : dice.below(0x4_0000);
  const group = [pgn & 0xff, (pgn >> 8) & 0xff, pgn >> 16];
  const kind = dice.chance(0.1) ? dice.pick([17, 19, 255, 20, dice.below(256)]) : to === 0xff ? 32 : 16;
  const frameOf = (base: number, data: readonly number[]): CanFrame => ({
    id: (base | (to << 8) | source) >>> 0,
    flags: FRAME_FLAG.extended,
    data: Uint8Array.from(data),
    receivedAtUs: 0,
  });
  const control = frameOf(0x1cec_0000, [kind, bytes & 0xff, bytes >> 8, packets, 0xff, ...group]);
  const data = Array.from({ length: packets }, (_, at) =>
    frameOf(0x1ceb_0000, [at + 1, ...Array.from({ length: 7 }, () => dice.below(256))]),
  );
  // Some announce and send nothing.
  return dice.chance(0.3) ? [control] : [control, ...data];
}

function fastPacketFrames(dice: Dice, source: number): readonly CanFrame[] {
  const bytes = dice.chance(0.1) ? dice.below(256) : 9 + dice.below(60);
  const sequence = dice.below(8) << 5;
  const id = (0x0df8_0500 | (dice.below(20) << 8) | source) >>> 0;
  return Array.from({ length: Math.min(32, 1 + Math.ceil((bytes - 6) / 7)) }, (_, at) => ({
    id,
    flags: FRAME_FLAG.extended,
    data: Uint8Array.from([sequence | at, ...(at === 0 ? [bytes] : [dice.below(256)]), at, at, at, at, at, at]),
    receivedAtUs: 0,
  }));
}

function assembly(
  name: string,
  make: () => Pick<J1939Transport, "take" | "size"> & { readonly counts: Readonly<Record<string, number>> },
  frames: typeof transferFrames,
): FuzzTarget {
  return {
    name,
    start: (dice) => {
      const parser = make();
      const senders = new SpoiltSenders(dice, SOURCES, frames);
      let bytes = 0;
      return {
        offer: () => {
          const { id, data, receivedAtUs } = senders.next();
          const step = parser.take(id, data, 0, data.length, receivedAtUs);
          if (typeof step === "object") bytes += step.bytes.length;
        },
        overfull: () => (parser.size > MOST_MESSAGES ? `${parser.size} messages` : undefined),
        counts: () => ({ ...parser.counts, bytes }),
      };
    },
  };
}

function transport() {
  const counts = noCounts();
  const parser = new J1939Transport(counts, () => true);
  return {
    take: parser.take.bind(parser),
    get size() {
      return parser.size;
    },
    counts,
  };
}

function fastPackets() {
  const counts = noCounts();
  const parser = new FastPackets(counts);
  return {
    take: parser.take.bind(parser),
    get size() {
      return parser.size;
    },
    counts,
  };
}

/** A node of ours: claims, requests, and transfers to it, all of them from strangers. */
const node: FuzzTarget = {
  name: "j1939 node",
  start: (dice) => {
    const bus = new J1939TestBus();
    const { node: ours } = bus.node((1n << 63n) | 4711n, OWN);
    const claims = (source: number): CanFrame => ({
      id: (dice.chance(0.5) ? 0x18ee_ff00 : 0x18ea_ff00) | (dice.chance(0.02) ? OWN : source),
      flags: FRAME_FLAG.extended,
      data: Uint8Array.from({ length: dice.below(9) }, () => dice.below(256)),
      receivedAtUs: 0,
    });
    const senders = new SpoiltSenders(dice, SOURCES, (chance, source) =>
      chance.chance(0.3) ? [claims(source)] : transferFrames(chance, source),
    );
    let sent = 0;
    return {
      offer: async () => {
        bus.send(senders.next());
        sent += bus.taken().length - 1;
        if (dice.chance(0.001))
          void ours.request(dice.pick(GROUPS), dice.pick([255, 3]), "poll", AbortSignal.timeout(1));
        if (dice.chance(0.02)) bus.clock.advance(dice.below(700));
        if (dice.chance(0.05)) await Promise.resolve();
      },
      overfull: () => {
        const { open } = ours.state().transfers;
        const timers = bus.clock.waiting();
        return open > MOST_TRANSFERS || timers > MOST_TIMERS ? `${open} transfers, ${timers} timers` : undefined;
      },
      counts: () => ({ sent, finished: ours.state().transfers.finished, failed: ours.state().transfers.failed }),
    };
  },
};

/** Transport and messages of J1939 and NMEA 2000. */
export const J1939_TARGETS: readonly FuzzTarget[] = [
  assembly("j1939 transport", transport, transferFrames),
  assembly("fast packet", fastPackets, fastPacketFrames),
  node,
  pduTarget(
    "j1939 transfer control",
    ["101400030fcafe00", "11020100ffcafe00", "ff03ffffffcafe00"],
    parseControl,
    spoiltPdu,
  ),
  pduTarget("j1939 acknowledgement", ["00ffffff21cafe00", "01ffffffffcafe00"], parseAcknowledgement, spoiltPdu),
  pduTarget("j1939 request", ["cafe00", "ecfe00ffff"], requestedGroup, spoiltPdu),
  pduTarget(
    "j1939 name",
    ["6712000a00810000", "ffffffffffffffff"],
    (pdu) => {
      const name = nameIn(pdu);
      return name === undefined ? undefined : [nameText(name), nameFields(name)];
    },
    spoiltPdu,
  ),
];
