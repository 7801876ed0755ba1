import type { LinkConfig, LinkCost } from "../../../config/link.ts";
import type { ModemFacts } from "../../ports/link-facts.ts";

/** A network interface as links are judged by. */
export type LinkFacts = {
  /** As the kernel calls it: wwan0. */
  readonly name: string;
  /** Whether its data are limited or paid for. */
  readonly isMetered: boolean;
  readonly cost: LinkCost;
  /** The modem behind it; undefined where there is none, or nobody tells of it. */
  readonly modem: ModemFacts | undefined;
};

/** Whether the modem of an interface roams, as was told last. "no modem": modems were told of, and never one behind it. */
export type Roaming = "yes" | "no" | "no modem" | "unknown";

export type LinksParts = {
  readonly interfaces: LinkConfig["interfaces"];
  /**
   * The interface by which packets to the broker leave now; undefined where there is no way. Sends nothing. `isReached`: somebody has just
   * reached it.
   */
  readonly route: (isReached: boolean) => Promise<string | undefined>;
};

/** The network interfaces, what they cost, and which of them is the link in use. What is metered is asked here alone. */
export class Links {
  readonly #parts: LinksParts;
  #name: string | undefined;
  #modems: readonly ModemFacts[] | undefined;
  #metered: ReadonlyMap<string, boolean> = new Map();
  /** By interface: whether it was "roaming" rather than "home" when that was told last. */
  readonly #roams = new Map<string, boolean>();
  #wasTold = false;

  constructor(parts: LinksParts) {
    this.#parts = parts;
  }

  /** As the last look found it: out of coverage it stays the one that was, since nothing goes over another. Undefined before the first. */
  get inUse(): LinkFacts | undefined {
    return this.#name === undefined ? undefined : this.factsOf(this.#name);
  }

  /** Undefined while nobody tells of them. */
  get modems(): readonly ModemFacts[] | undefined {
    return this.#modems;
  }

  /** What is told of modems from here on. */
  takeModems(modems: readonly ModemFacts[] | undefined): void {
    this.#modems = modems;
    this.#wasTold ||= modems !== undefined;
    for (const { interfaces, registration } of modems ?? []) {
      if (registration !== "home" && registration !== "roaming") continue;
      for (const name of interfaces) this.#roams.set(name, registration === "roaming");
    }
  }

  /** What was told last holds while nobody tells, or the modem itself does not know: a network is no nearer home for that. */
  roamingOf(name: string): Roaming {
    const roams = this.#roams.get(name);
    if (roams !== undefined) return roams ? "yes" : "no";
    const hasModem = this.factsOf(name).modem !== undefined;
    return this.#wasTold && !hasModem ? "no modem" : "unknown";
  }

  /** What is told of interfaces from here on. Where nobody tells any more, what was told last holds: a link is no cheaper for that. */
  takeMetered(metered: ReadonlyMap<string, boolean> | undefined): void {
    this.#metered = metered ?? this.#metered;
  }

  /** Looks at the route. `isReached`: the broker has just been reached by it. */
  async look(isReached = false): Promise<void> {
    this.#name = (await this.#parts.route(isReached)) ?? this.#name;
  }

  /** What is known of an interface; one that nobody knows is not metered, and free. */
  factsOf(name: string): LinkFacts {
    const { interfaces } = this.#parts;
    const told = Object.hasOwn(interfaces, name) ? interfaces[name] : undefined;
    const isMetered = told?.metered ?? this.#metered.get(name) ?? false;
    const modem = this.#modems?.find((one) => one.interfaces.includes(name));
    return { name, isMetered, cost: told?.cost ?? (isMetered ? "high" : "free"), modem };
  }

  isMetered(name: string): boolean {
    return this.factsOf(name).isMetered;
  }
}
