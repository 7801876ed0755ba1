import { CODE_LISTS } from "../../../../agent/diagnostics/codes/trouble-code.ts";
import { CodeListener } from "../../../../agent/diagnostics/j1939/code-listener.ts";
import { parseFreezeFrames } from "../../../../agent/diagnostics/j1939/freeze-frames.ts";
import {
  parseCalibrations,
  parseComponent,
  parseSoftware,
  parseVin,
} from "../../../../agent/diagnostics/j1939/identification.ts";
import { MessageLine } from "../../../../agent/diagnostics/j1939/message-line.ts";
import { parseReadiness } from "../../../../agent/diagnostics/j1939/readiness.ts";
import { parseCodeMessage } from "../../../../agent/diagnostics/j1939/trouble-codes.ts";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { CodeVehicle } from "../../../fakes/diagnostics/code-vehicle.ts";
import { ShownTap } from "../../../fakes/diagnostics/tester-bus.ts";
import { TesterRig } from "../../../fakes/diagnostics/tester-rig.ts";
import type { Dice } from "../campaign-grammar.ts";
import { isoTpFrames, SpoiltSenders, spoiltPdu } from "./fuzz-inputs.ts";
import { type FuzzTarget, pduTarget } from "./fuzz-target.ts";
import { SOURCES, transferFrames } from "./j1939-targets.ts";

const MOST_CODES = 100;
const MOST_TIMERS = 100;
const CODES = ["04ff64000105ffff", "00ff00000000ffff", "04ff640001b804030a08f0ff7e", "54ff64000105"];

/** DM1 and its like from frames to the tracker, which keeps only so many codes. */
const listener: FuzzTarget = {
  name: "j1939 codes",
  start: (dice) => {
    const vehicle = new CodeVehicle({ maxCodes: MOST_CODES, maxEventsPerHour: 100 });
    const tap = new ShownTap();
    const { clock, tracker } = vehicle;
    const parts = { bus: "can0", tap, line: new MessageLine(tap), codes: tracker, own: () => undefined, clock };
    const heard = new CodeListener(parts);
    heard.start();
    const senders = new SpoiltSenders(dice, SOURCES, (chance, source) =>
      chance.chance(0.5) ? [single(chance, source)] : transferFrames(chance, source),
    );
    return {
      offer: () => {
        tap.show({ ...senders.next(), receivedAtUs: clock.wallUs() });
        if (dice.chance(0.02)) clock.advance(dice.below(1500));
      },
      overfull: () => overfull(vehicle, clock.waiting()),
      counts: () => ({ ...heard.counts, known: tracker.list().length, events: vehicle.outbox.length }),
    };
  },
};

function single(dice: Dice, source: number) {
  const data = spoiltPdu(dice, CODES).subarray(0, 8);
  const group = dice.pick([0xfeca, 0xfecb, 0xfecf, 0xfed4, 0xfecd]);
  return { id: (0x1800_0000 | (group << 8) | source) >>> 0, flags: FRAME_FLAG.extended, data, receivedAtUs: 0 };
}

/** Readings at random, of more units and codes than there is room for. */
const tracker: FuzzTarget = {
  name: "code tracker",
  oneOf: 20,
  start: (dice) => {
    const vehicle = new CodeVehicle({ maxCodes: MOST_CODES, maxEventsPerHour: 1000 });
    return {
      offer: () => {
        const protocol = dice.pick(["obd", "uds", "j1939"] as const);
        const origin = { bus: "can0", ecu: `e${dice.below(30)}`, protocol };
        const codes = dice.times(6, () => ({
          code: `P${dice.below(60)}`,
          raw: dice.below(60),
          status: dice.below(256),
        }));
        const list = dice.pick(CODE_LISTS);
        vehicle.read(origin, list, dice.chance(0.3) ? [] : codes);
        if (dice.chance(0.01))
          vehicle.tracker.noteClear({ bus: "can0", ecu: dice.chance(0.5) ? origin.ecu : undefined }, "another tester");
        vehicle.clock.advance(dice.below(3000));
      },
      overfull: () => overfull(vehicle, vehicle.clock.waiting()),
      counts: () => ({ known: vehicle.tracker.list().length, events: vehicle.outbox.length }),
    };
  },
};

function overfull(vehicle: CodeVehicle, timers: number): string | undefined {
  const known = vehicle.tracker.list().length;
  return known > MOST_CODES || timers > MOST_TIMERS ? `${known} codes, ${timers} timers` : undefined;
}

/** A tester that asks, while the bus is full of frames that look like another tester's and like answers. */
const tester: FuzzTarget = {
  name: "tester",
  start: (dice) => {
    const rig = new TesterRig({ settings: { silenceMs: 2000, pendingMs: 5000 } });
    const others = new SpoiltSenders(dice, [0x7e8, 0x7df, 0x7e0, 0x748, 0x18da_f110, 0x18da_10fa], isoTpFrames);
    const asked = new SpoiltSenders(dice, [0x7e8], answerFrames);
    const replies = new Map<string, number>();
    let [isAsked, quiet] = [false, 0];
    const address = { txId: 0x7e0, rxId: 0x7e8, extended: false };
    const ask = { ecu: { name: "engine", address }, pdu: Uint8Array.of(1, 12), who: "technician" } as const;
    const note = ({ kind }: { readonly kind: string }): void => {
      isAsked = false;
      replies.set(kind, (replies.get(kind) ?? 0) + 1);
    };
    return {
      offer: async () => {
        quiet -= 1;
        if (quiet < 0 && dice.chance(0.02)) {
          // Nobody else was seen for so long that it may speak again.
          rig.clock.advance(2500);
          quiet = 50;
        }
        if (!isAsked && dice.chance(0.1)) {
          isAsked = true;
          void rig.tester.ask(ask, new AbortController().signal).then(note);
          for (let turns = 0; turns < 10; turns += 1) await Promise.resolve();
        }
        const { data } = asked.next();
        if (quiet < 0) rig.tap.show({ ...others.next(), receivedAtUs: rig.clock.wallUs() });
        else if (isAsked) rig.tap.show({ id: 0x7e8, flags: 0, data, receivedAtUs: rig.clock.wallUs() });
        if (dice.chance(0.05)) rig.clock.advance(dice.below(300));
        if (dice.chance(0.1)) await Promise.resolve();
      },
      overfull: () => (rig.clock.waiting() > MOST_TIMERS ? `${rig.clock.waiting()} timers` : undefined),
      counts: () => Object.fromEntries(replies),
    };
  },
};

/** Answers to service 01 in single frames, response pending and negative answers among them, and whatever ISO-TP has. */
function answerFrames(dice: Dice, id: number) {
  if (dice.chance(0.3)) return isoTpFrames(dice, id);
  const pdu = spoiltPdu(dice, ["410c0c30", "7f0178", "7f0121", "7f0112"]).subarray(0, 7);
  return [{ id, flags: 0, data: Uint8Array.of(pdu.length, ...pdu), receivedAtUs: 0 }];
}

function message(name: string, sound: readonly string[], parse: (data: Uint8Array) => unknown): FuzzTarget {
  return pduTarget(`j1939 ${name}`, sound, parse, spoiltPdu);
}

/** Trouble codes and what stands beside them, as far as the tracker; and the tester. */
export const CODE_TARGETS: readonly FuzzTarget[] = [
  message("code message", CODES, parseCodeMessage),
  message("freeze frames", ["0d6400010512345678900a0b0c0d", "00", "ff"], parseFreezeFrames),
  message("readiness", ["01001437e01ee01e", "ffffffffffffffff"], parseReadiness),
  message("calibrations", ["82bc911742454e43482d45434d2d303431320000"], parseCalibrations),
  message("vin", ["314d3847444d3941584b503034323738382a"], parseVin),
  message("component", ["42454e43482a4431332d3530302a534e3030342a55312a"], parseComponent),
  message("software", ["0142454e43482d454e472a"], parseSoftware),
  listener,
  tracker,
  tester,
];
