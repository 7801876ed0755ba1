import type { FaultSwitch } from "../../../agent/ui/fault-switch.ts";
import type { Mosquitto } from "../broker/mosquitto.ts";
import type { ProxyProcess } from "../broker/proxy-process.ts";
import { START_TIMEOUT_MS, until } from "../core/wait.ts";
import type { MovedClock } from "./moved-clock.ts";

const DAY_MS = 86_400_000;
/** Nothing came for so many looks: what the broker had acknowledged is with the consumers. */
const QUIET_LOOKS = 8;
const LOOK_MS = 50;

/** What the switches break and mend. */
export type SwitchedParts = {
  /** Between the agent and the broker. */
  readonly proxy: Pick<ProxyProcess, "tell">;
  readonly broker: Pick<Mosquitto, "kill" | "start">;
  /** Between the agent and its bus. */
  readonly busProxy: Pick<ProxyProcess, "tell">;
  readonly clock: Pick<MovedClock, "move">;
  /** `subscriptions` says how often all have subscribed, `arrived` how many deliveries there were. */
  readonly consumers: { subscriptions(): number; arrived(): number };
  /** Called when something was broken or mended, in words. */
  readonly say: (what: string) => void;
};

/** The faults of the bench that somebody can switch, one at a time. */
export class FaultSwitches {
  readonly list: readonly FaultSwitch[];
  readonly #parts: SwitchedParts;
  readonly #on = new Set<string>();
  /** Names of those that were switched on at any time. */
  readonly used = new Set<string>();
  #last: Promise<void> = Promise.resolve();

  constructor(parts: SwitchedParts) {
    this.#parts = parts;
    this.list = [
      this.#switchOf("link", "Cut the link", {
        on: () => this.#passLink("the link is cut"),
        off: () => this.#passLink("the link is back"),
      }),
      this.#switchOf("broker", "Kill the broker", { on: () => this.#kill(), off: () => this.#revive() }),
      this.#switchOf("bus", "Stop the bus", {
        on: () => this.#tellBus("cut", "the bus is stopped"),
        off: () => this.#tellBus("restore", "the bus is back"),
      }),
      this.#switchOf("clock", "Set the clock a day ahead", {
        on: () => this.#move(DAY_MS, "the clock is set a day ahead"),
        off: () => this.#move(0, "the clock is right again"),
      }),
    ];
  }

  /** Labels of those that are on. */
  broken(): readonly string[] {
    return this.list.filter((one) => one.isOn()).map(({ label }) => label);
  }

  /** Mends all that is broken. */
  async mend(): Promise<void> {
    for (const one of this.list) await one.set(false);
  }

  /** One change after the other: none meets another half done. */
  #switchOf(
    name: string,
    label: string,
    acts: { readonly on: () => Promise<void>; readonly off: () => Promise<void> },
  ): FaultSwitch {
    const set = async (wanted: boolean): Promise<void> => {
      if (wanted === this.#on.has(name)) return;
      if (wanted) this.#on.add(name);
      if (wanted) this.used.add(name);
      if (!wanted) this.#on.delete(name);
      await (wanted ? acts.on() : acts.off()).catch((thrown: unknown) => {
        if (!wanted) this.#on.add(name);
        throw thrown;
      });
    };
    return {
      name,
      label,
      isOn: () => this.#on.has(name),
      set: (wanted) => {
        const done = this.#last.then(() => set(wanted));
        this.#last = done.catch(() => undefined);
        return done;
      },
    };
  }

  /** Open only while neither the link nor the broker is away. */
  async #passLink(what: string): Promise<void> {
    const isAway = this.#on.has("link") || this.#on.has("broker");
    await this.#parts.proxy.tell({ kind: isAway ? "cut" : "restore" });
    this.#parts.say(what);
  }

  /**
   * To the agent the link ends and is refused from then on. The broker hands over what it has acknowledged before it is killed: one that
   * forgets that is no AWS IoT Core, and mosquitto would.
   */
  async #kill(): Promise<void> {
    await this.#parts.proxy.tell({ kind: "cut" });
    await this.#quiet();
    await this.#parts.broker.kill();
    this.#parts.say("the broker is killed");
  }

  /** The agent reaches it when the consumers have: mosquitto forgets shared subscriptions, and what comes to none is gone. */
  async #revive(): Promise<void> {
    const { broker, consumers } = this.#parts;
    const before = consumers.subscriptions();
    await broker.start();
    await until(() => (consumers.subscriptions() > before ? true : undefined), {
      what: "the consumers are subscribed again",
      timeoutMs: START_TIMEOUT_MS,
    });
    await this.#passLink("the broker runs again");
  }

  async #quiet(): Promise<void> {
    let arrived = -1;
    let looks = 0;
    const isQuiet = (): true | undefined => {
      const now = this.#parts.consumers.arrived();
      looks = now === arrived ? looks + 1 : 0;
      arrived = now;
      return looks >= QUIET_LOOKS ? true : undefined;
    };
    await until(isQuiet, { what: "what was acknowledged has come", timeoutMs: START_TIMEOUT_MS, everyMs: LOOK_MS });
  }

  async #tellBus(kind: "cut" | "restore", what: string): Promise<void> {
    await this.#parts.busProxy.tell({ kind });
    this.#parts.say(what);
  }

  async #move(ms: number, what: string): Promise<void> {
    this.#parts.clock.move(ms);
    this.#parts.say(what);
    return await Promise.resolve();
  }
}
