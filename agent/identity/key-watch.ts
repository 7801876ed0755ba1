import type { Clock } from "../core/clock.ts";
import { AgentError } from "../core/errors.ts";
import { isBornInTpm } from "../core/key-faults.ts";
import type { Log } from "../core/log.ts";
import type { Broker } from "../ports/broker.ts";
import type { KeyStore, LockoutState, TokenAdmin } from "../ports/key-store.ts";
import { keyLabelled } from "./key-lookup.ts";

/** The start has better things to do than to look at a key, ms. */
const AFTER_MS = 30_000;

/** What is looked at. `label` is that of the key in use. */
export type KeyWatchParts = {
  readonly keys: Pick<KeyStore, "list"> & Pick<TokenAdmin, "inspect">;
  readonly tokenLabel: string;
  readonly label: () => string | undefined;
  readonly broker: Pick<Broker, "online" | "status">;
  readonly clock: Clock;
  readonly log: Log;
};

/**
 * Looks at what the TPM says of the key in use, once for each key that connects. One that was born outside the TPM or can leave it, which
 * only other tools bring there, works on: a vehicle must not fall silent over it. It is told in log and status until it is replaced.
 */
export class KeyWatch {
  readonly #parts: KeyWatchParts;
  #seen: string | undefined;
  #problems: readonly string[] = [];
  #lockout: LockoutState | undefined;

  constructor(parts: KeyWatchParts) {
    this.#parts = parts;
  }

  /** What keeps the key in use from being a device's, one sentence each. */
  problems(): readonly string[] {
    return this.#problems;
  }

  /** The TPM's guess limit and what it has counted, at the last look; undefined before it. */
  lockout(): LockoutState | undefined {
    return this.#lockout;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { broker, clock } = this.#parts;
    let after = 0;
    while ((await broker.online(signal, after)) !== undefined) {
      after = broker.status().connects;
      await clock.sleep(AFTER_MS, signal);
      if (!signal.aborted) await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { keys, tokenLabel, label, log } = this.#parts;
    try {
      const inUse = label();
      if (inUse === undefined || inUse === this.#seen) return;
      const key = keyLabelled({ keys: await keys.list(), tokenLabel }, inUse);
      this.#seen = inUse;
      this.#problems = key === undefined || isBornInTpm(key) ? [] : key.problems;
      if (this.#problems.length > 0)
        log.error("identity.key-unfit", { keyLabel: inUse, problems: this.#problems.join("; ") });
      this.#lockout = (await keys.inspect()).lockout;
    } catch (error) {
      if (!(error instanceof AgentError)) throw error;
      // The next connection brings the next look.
      log.warn("identity.key-not-looked-at", { code: error.code, what: error.message });
    }
  }
}
