/** What was found of a state on disk. "last": the present file is missing or damaged, and the one before it was taken; `problem` says why. */
export type StateReading<State> =
  | { readonly kind: "none" }
  | { readonly kind: "current"; readonly state: State }
  | { readonly kind: "last"; readonly state: State; readonly problem: string };

/**
 * The folder of the device's certificates and of the small state that says which one is in use. Calls are synchronous; when one that
 * writes returns, its effect survives a power cut, and when it does not, the state is the one before or the new one.
 *
 * Every call throws `identity.store-exposed` when somebody else could have written what is read: folder or file of another owner,
 * with rights for others, or a link.
 */
export interface IdentityFiles<State> {
  /** Throws `identity.state-damaged` when there are files and none of them can be used. */
  read(): StateReading<State>;
  /** Keeps the state before as the last known good one. */
  write(state: State): void;
  /** Writes a certificate (PEM) and gives its path. */
  writeCertificate(name: string, pem: string): string;
  /** Removes a file of the folder; one that is not there is fine. Files elsewhere are left alone. */
  remove(path: string): void;
  /** Overwrites, syncs and unlinks a file anywhere; one that is not there is fine. A flash translation layer may keep a copy all the same. */
  destroy(path: string): void;
}
