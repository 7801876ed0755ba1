import type { ShoulderTap } from "../../agent/ports/shoulder-tap.ts";
import type { SystemBus } from "./system-bus.ts";

const MODEMS = "org.freedesktop.ModemManager1";
const MESSAGING = `${MODEMS}.Modem.Messaging`;

/**
 * An SMS that a modem has received (ModemManager D-Bus API, Modem.Messaging, signal Added with `received`). It is not read and stays
 * where it is: its text says nothing to us.
 */
export function modemTaps(bus: Pick<SystemBus, "watch">): ShoulderTap {
  let end: (() => void) | undefined;
  return {
    name: "SMS by ModemManager",
    start: (onTap) => {
      const watch = { service: MODEMS, interface: MESSAGING, member: "Added" };
      const isReceived = (body: readonly unknown[]): boolean => body[1] === true;
      end = bus.watch(watch, { onSignal: ({ body }) => isReceived(body) && onTap(), onOwner: () => undefined });
    },
    stop: async () => end?.(),
  };
}
