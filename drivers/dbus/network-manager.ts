import { z } from "zod";
import type { Clock } from "../../agent/core/clock.ts";
import type { Log } from "../../agent/core/log.ts";
import type { MeteredSource } from "../../agent/ports/link-facts.ts";
import { ServiceWatch } from "./service-watch.ts";
import type { SystemBus } from "./system-bus.ts";

const SERVICE = "org.freedesktop.NetworkManager";
const MANAGER = { service: SERVICE, path: "/org/freedesktop/NetworkManager", interface: SERVICE } as const;
/** Devices that are looked at; the others are of containers and the like. */
const MAX_DEVICES = 32;

/** NMMetered: yes, no, and guesses of both; 0 is unknown. */
const METERED: ReadonlyMap<number, boolean> = new Map([
  [1, true],
  [2, false],
  [3, true],
  [4, false],
]);

const manager = z.object({ AllDevices: z.array(z.string()).catch([]) });
const device = z.object({
  Interface: z.string().catch(""),
  IpInterface: z.string().catch(""),
  Metered: z.int().catch(0),
});

export type NetworkManagerParts = {
  readonly bus: Pick<SystemBus, "watch" | "properties">;
  readonly clock: Pick<Clock, "sleep">;
  readonly log: Log;
};

/** Which interfaces are metered, as NetworkManager knows it over D-Bus (1.42, org.freedesktop.NetworkManager.Device); a guess counts. */
export class NetworkManager implements MeteredSource {
  readonly #parts: NetworkManagerParts;
  #watch: ServiceWatch<ReadonlyMap<string, boolean>> | undefined;

  constructor(parts: NetworkManagerParts) {
    this.#parts = parts;
  }

  start(onMetered: (metered: ReadonlyMap<string, boolean> | undefined) => void): void {
    const { bus, clock, log } = this.#parts;
    this.#watch = new ServiceWatch({
      bus,
      service: SERVICE,
      interfaces: ["org.freedesktop.DBus.Properties"],
      read: () => this.#read(),
      told: onMetered,
      clock,
      log,
    });
    this.#watch.start();
  }

  stop(): void {
    this.#watch?.stop();
  }

  async #read(): Promise<ReadonlyMap<string, boolean>> {
    const { bus } = this.#parts;
    const { AllDevices } = manager.parse(await bus.properties(MANAGER));
    const metered = new Map<string, boolean>();
    for (const path of AllDevices.slice(0, MAX_DEVICES)) {
      const found = device.parse(await bus.properties({ service: SERVICE, path, interface: `${SERVICE}.Device` }));
      const isMetered = METERED.get(found.Metered);
      if (isMetered === undefined) continue;
      // The one that has the addresses is another where the device is a serial port of a modem.
      for (const name of [found.IpInterface, found.Interface]) if (name !== "") metered.set(name, isMetered);
    }
    return metered;
  }
}
