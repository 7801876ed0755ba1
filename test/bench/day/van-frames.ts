import type { CanFrame } from "../../../agent/ports/frame.ts";
import type { Van } from "./van-drive.ts";

/** Ids of `van.dbc`. */
export const VAN_IDS = { motion: 0x100, time: 0x101, body: 0x102, doorCommand: 0x600, doorStatus: 0x601 } as const;

/** What the doors say of themselves. */
export type Doors = { readonly isLocked: boolean; readonly unlocks: number };

/** The frames of the van at a vehicle time; `counter` numbers the rounds. Each comes once in a round. */
export function framesOf(van: Van, doors: Doors, ms: number, counter: number): readonly CanFrame[] {
  return [
    frame(VAN_IDS.motion, counter, (view) => {
      view.setUint16(0, Math.round(van.speedKph * 100), true);
      view.setUint32(2, Math.round(van.odometerMetres), true);
    }),
    frame(VAN_IDS.time, counter, (view) => {
      const us = Math.round(ms * 1000);
      view.setUint32(0, us % 2 ** 32, true);
      view.setUint16(4, Math.floor(us / 2 ** 32), true);
    }),
    frame(VAN_IDS.body, counter, (view) => {
      view.setUint8(0, (van.ignition ? 1 : 0) | (van.brakesHard ? 2 : 0));
      view.setUint8(1, Math.round(van.chargePercent * 2));
      view.setUint16(2, van.ignition ? 14_100 : 12_600, true);
    }),
    {
      id: VAN_IDS.doorStatus,
      flags: 0,
      data: Uint8Array.of(doors.isLocked ? 1 : 0, doors.unlocks & 0xff),
      receivedAtUs: 0,
    },
  ];
}

function frame(id: number, counter: number, write: (view: DataView) => void): CanFrame {
  const data = new Uint8Array(8);
  const view = new DataView(data.buffer);
  write(view);
  view.setUint16(6, counter & 0xffff, true);
  return { id, flags: 0, data, receivedAtUs: 0 };
}
