import type { SystemBus } from "../../drivers/dbus/system-bus.ts";
import type { Service } from "../core/lifecycle.ts";
import type { Runtime } from "./parts.ts";

/** The system bus for all lines that need it: one connection, of which nothing is loaded before somebody asks. */
export type SharedBus = {
  readonly get: () => Promise<SystemBus>;
  /** Ends it; stop it after those who use it. */
  readonly service: Service;
};

/** See `SharedBus`. */
export function sharedSystemBus({ clock, log, random }: Runtime): SharedBus {
  let bus: Promise<SystemBus> | undefined;
  const open = async (): Promise<SystemBus> => {
    const { SystemBus } = await import("../../drivers/dbus/system-bus.ts");
    return new SystemBus({ address: undefined, clock, log, random });
  };
  return {
    get: () => {
      bus ??= open();
      return bus;
    },
    service: {
      name: "system bus",
      start: async () => undefined,
      stop: async () => {
        const opened = await bus;
        await opened?.close();
      },
    },
  };
}
