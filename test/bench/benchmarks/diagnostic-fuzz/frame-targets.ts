import { DEFAULT_ISOTP } from "../../../../agent/diagnostics/isotp/default-settings.ts";
import { parseIsoTpFrame } from "../../../../agent/diagnostics/isotp/frame-codec.ts";
import { createFrameIsoTp } from "../../../../agent/diagnostics/isotp/frame-isotp.ts";
import { PassiveIsoTp } from "../../../../agent/diagnostics/isotp/passive-isotp.ts";
import type { CanFrame } from "../../../../agent/ports/frame.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { anyFrame, isoTpFrames, SpoiltSenders } from "./fuzz-inputs.ts";
import type { FuzzTarget } from "./fuzz-target.ts";

const IDS = [...Array.from({ length: 60 }, (_, at) => 0x700 + at), 0x18da_f110, 0x18da_10f1, 0x18db_33f1];
const PASSIVE = { addressByte: false, maxConversations: 16, maxPduBytes: 4095, maxBytes: 32_768 };

const codec: FuzzTarget = {
  name: "isotp frame",
  start: (dice) => {
    let [read, refused] = [0, 0];
    return {
      offer: () => {
        const { data } = anyFrame(dice, IDS, 0);
        if (parseIsoTpFrame(data, dice.chance(0.5) ? 0 : 1) === undefined) refused += 1;
        else read += 1;
      },
      counts: () => ({ read, refused }),
    };
  },
};

/** ISO-TP of others, of more senders than it keeps. */
const passive: FuzzTarget = {
  name: "isotp passive",
  start: (dice) => {
    let bytes = 0;
    const parser = new PassiveIsoTp({ ...PASSIVE, addressByte: dice.chance(0.3) }, ({ pdu }) => {
      bytes += pdu.length;
    });
    const senders = new SpoiltSenders(dice, IDS, isoTpFrames);
    return {
      offer: () => parser.take(senders.next()),
      overfull: () => {
        const held = parser.held();
        const isFull = held.bytes > PASSIVE.maxBytes || held.conversations > PASSIVE.maxConversations;
        return isFull ? `${held.conversations} conversations, ${held.bytes} bytes` : undefined;
      },
      counts: () => ({ ...parser.counters(), bytes }),
    };
  },
};

/** Our own conversation: answers that make no sense, while requests go out. */
const active: FuzzTarget = {
  name: "isotp channel",
  start: (dice) => {
    const clock = new ManualClock();
    let take: (frame: CanFrame) => void = () => undefined;
    let [sent, pdus, faults, refused] = [0, 0, 0, 0];
    const isoTp = createFrameIsoTp({
      bus: "can0",
      send: async () => {
        sent += 1;
      },
      tap: {
        on: (_, taker) => {
          take = taker;
          return () => undefined;
        },
      },
      clock,
    });
    const channel = isoTp.open({ txId: 0x7e0, rxId: 0x7e8, extended: false }, DEFAULT_ISOTP, {
      onPdu: () => {
        pdus += 1;
      },
      onFault: () => {
        faults += 1;
      },
    });
    const senders = new SpoiltSenders(dice, [0x7e8], isoTpFrames);
    return {
      offer: async () => {
        take(senders.next());
        if (dice.chance(0.01)) channel.send(new Uint8Array(1 + dice.below(60))).catch(() => (refused += 1));
        if (dice.chance(0.01)) clock.advance(dice.below(1500));
        if (dice.chance(0.05)) await Promise.resolve();
      },
      // A timer of a send and one of a reception.
      overfull: () => (clock.waiting() > 8 ? `${clock.waiting()} timers` : undefined),
      counts: () => ({ sent, pdus, faults, refused }),
    };
  },
};

/** Everything that puts frames together. */
export const FRAME_TARGETS: readonly FuzzTarget[] = [codec, passive, active];
