import type { Log } from "../core/log.ts";
import type { IdentityFiles } from "../ports/identity-files.ts";
import { adoptedState, EMPTY_STATE, type IdentityState, identityInUse, type SlotIdentity } from "./identity-state.ts";
import { advance, type IdentityEvent } from "./identity-transitions.ts";

export type IdentityStoreParts = {
  readonly files: IdentityFiles<IdentityState>;
  readonly log: Log;
  /** The identity that the configuration names, when its certificate is there: that of a device installed by hand. */
  handInstalled(): SlotIdentity | undefined;
  /** Hears of each event before and after it is durable: for tests that end the process there. */
  readonly onStep?: (event: IdentityEvent["kind"], moment: "before" | "after") => void;
};

/**
 * The one place that says which identity is in use and how far a change of it is. Nothing is kept in memory: every question reads the
 * files, so that the daemon and the command line see the same.
 */
export class IdentityStore {
  readonly #parts: IdentityStoreParts;
  #warned = "";

  constructor(parts: IdentityStoreParts) {
    this.#parts = parts;
  }

  /** Throws `identity.store-exposed` and `identity.state-damaged`. */
  state(): IdentityState {
    const reading = this.#parts.files.read();
    if (reading.kind === "none") {
      const identity = this.#parts.handInstalled();
      return identity === undefined ? EMPTY_STATE : adoptedState(identity);
    }
    if (reading.kind === "last" && this.#warned !== reading.problem) {
      this.#warned = reading.problem;
      this.#parts.log.error("identity.state-restored", { problem: reading.problem });
    }
    return reading.state;
  }

  /** The identity that connects; undefined for a device that has none yet. */
  inUse(): SlotIdentity | undefined {
    return identityInUse(this.state());
  }

  /** Makes an event durable and gives the state after it. */
  apply(event: IdentityEvent): IdentityState {
    const { files, log, onStep } = this.#parts;
    const next = advance(this.state(), event);
    onStep?.(event.kind, "before");
    files.write(next);
    onStep?.(event.kind, "after");
    const { slot, keyLabel, reason } = { ...next.change };
    log.info("identity.changed", {
      step: event.kind,
      slot,
      keyLabel,
      reason,
      inUse: next.inUse,
      orphans: next.orphans,
    });
    return next;
  }

  /** Writes a certificate for a slot and gives its path. Each name is used once, so that no certificate in use is written over. */
  writeCertificate(keyLabel: string, certificateId: string, pem: string): string {
    return this.#parts.files.writeCertificate(
      `${keyLabel.replace(/[^\w.-]/g, "_").slice(-64)}-${certificateId.slice(0, 16)}.pem`,
      pem,
    );
  }

  /** Whether there is a state on disk: from then on it says what is in use, and no longer the configuration. */
  isEnrolled(): boolean {
    return this.#parts.files.read().kind !== "none";
  }

  /** Puts a certificate that was issued by hand for a key of the token into the free slot and into use, and gives its path. Throws while a change is under way. */
  install(keyLabel: string, certificateId: string, pem: string): string {
    const certificateFile = this.writeCertificate(keyLabel, certificateId, pem);
    this.apply({ kind: "installed", identity: { keyLabel, certificateFile, certificateId } });
    return certificateFile;
  }

  /** Removes a certificate file of the identity folder. */
  removeCertificate(path: string): void {
    this.#parts.files.remove(path);
  }

  /** Overwrites and removes a secret file. */
  destroy(path: string): void {
    this.#parts.files.destroy(path);
  }
}
