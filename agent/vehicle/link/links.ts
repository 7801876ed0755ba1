import type { LinkConfig, LinkCost } from "../../../config/link.ts";

/** A network interface as links are judged by. */
export type LinkFacts = {
  /** As the kernel calls it: wwan0. */
  readonly name: string;
  /** Whether its data are limited or paid for. */
  readonly isMetered: boolean;
  readonly cost: LinkCost;
};

export type LinksParts = {
  readonly interfaces: LinkConfig["interfaces"];
  /** The interface by which packets to the broker leave now; undefined where there is no way. Sends nothing. */
  readonly route: () => Promise<string | undefined>;
};

/** The network interfaces, what they cost, and which of them is the link in use. What is metered is asked here alone. */
export class Links {
  readonly #parts: LinksParts;
  #inUse: LinkFacts | undefined;

  constructor(parts: LinksParts) {
    this.#parts = parts;
  }

  /** As the last look found it: out of coverage it stays the one that was, since nothing goes over another. Undefined before the first. */
  get inUse(): LinkFacts | undefined {
    return this.#inUse;
  }

  /** Looks at the route. Gives the link in use where it is another now. */
  async look(): Promise<LinkFacts | undefined> {
    const name = await this.#parts.route();
    if (name === undefined) return undefined;
    const facts = this.factsOf(name);
    const isSame = facts.name === this.#inUse?.name && facts.isMetered === this.#inUse.isMetered;
    this.#inUse = facts;
    return isSame ? undefined : facts;
  }

  /** What is known of an interface; one that nobody knows is not metered, and free. */
  factsOf(name: string): LinkFacts {
    const told = Object.hasOwn(this.#parts.interfaces, name) ? this.#parts.interfaces[name] : undefined;
    const isMetered = told?.metered ?? false;
    return { name, isMetered, cost: told?.cost ?? (isMetered ? "high" : "free") };
  }

  isMetered(name: string): boolean {
    return this.factsOf(name).isMetered;
  }
}
