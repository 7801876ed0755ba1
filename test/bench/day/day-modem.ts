import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPrivateBus } from "../core/private-bus.ts";
import { type ModemServices, startModemServices } from "../vehicle/modem-services.ts";

/** The way to the broker, which is on this machine: what the modem's data session is said to go over. */
export const DAY_LINK = "lo";
/** MMModemState, MMModemAccessTechnology, MMModemPortType and MMModem3gppRegistrationState (ModemManager-enums.h). */
const CONNECTED = 11;
const LTE = 1 << 14;
const NET_PORT = 2;
const HOME = 1;
const ROAMING = 5;

/** A stand-in for ModemManager with the van's modem, on a D-Bus of its own. */
export class DayModem {
  readonly busAddress: string;
  readonly #services: ModemServices;

  private constructor(busAddress: string, services: ModemServices) {
    this.busAddress = busAddress;
    this.#services = services;
  }

  /** Starts both, the modem in its own network; notes in `stops` how to end them. `folder` gets the log. */
  static async start(folder: string, stops: (() => Promise<void>)[]): Promise<DayModem> {
    const near = mkdtempSync(join(tmpdir(), "causeway-day-bus-"));
    stops.push(async () => rmSync(near, { recursive: true }));
    const bus = await startPrivateBus(join(near, "d"));
    stops.push(() => bus.stop());
    const services = await startModemServices(bus.address, folder);
    stops.push(() => services.stop());
    const modem = new DayModem(bus.address, services);
    await modem.roam(false);
    return modem;
  }

  /** From now on the modem is registered in a foreign network, or in its own. */
  async roam(isAbroad: boolean): Promise<void> {
    await this.#services.tell({
      own: ["mm"],
      modem: {
        state: CONNECTED,
        technologies: LTE,
        signal: 71,
        ports: [[DAY_LINK, NET_PORT]],
        registration: isAbroad ? ROAMING : HOME,
        operator: isAbroad ? "Elsewhere" : "Example Mobile",
        bearer: DAY_LINK,
      },
    });
  }
}
