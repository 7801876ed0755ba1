import type { StartMarks } from "../core/start-marks.ts";

/** How a process ended: `code` undefined by a signal, `isLate` at its limit; `noise` is the end of what its libraries said. */
type QuietEnd = { readonly code: number | undefined; readonly noise: string; readonly isLate: boolean };

/** What a verb may do with the process that runs it; a test, whose process it is not, has none of it. */
export type OwnProcess = {
  /** Where its start is written down. */
  readonly marks?: StartMarks;
  /** Present in a process of root. */
  readonly root?: RootPowers;
  /** Runs the verb anew without the words of its libraries, killed some time after `limitMs`; absent where that has been done. */
  runQuietly?(signal: AbortSignal, limitMs: number | undefined): Promise<QuietEnd>;
};

/** What root may do to be the user of the service. */
export type RootPowers = {
  /** The user who owns the first of these folders, the outer first, that is not root's; 0 where all are root's, undefined where none is there. */
  ownerOf(folders: readonly string[]): number | undefined;
  /** For good. Throws `identity.not-permitted`. */
  becomeUser(uid: number): void;
  /** What the service's unit says of credentials and groups. */
  unitSettings(): Promise<readonly string[]>;
  /** Runs the verb anew as this user with these settings of a unit, and gives its exit code. */
  runInUnit(uid: number, settings: readonly string[], signal: AbortSignal): Promise<number>;
};

/** The verb was run by another process, which has printed what there is to print; nothing is left to do but to end with its code. */
export class EndedElsewhere extends Error {
  override readonly name = "EndedElsewhere";
  readonly code: number;

  constructor(code: number) {
    super(`ended elsewhere with ${code}`);
    this.code = code;
  }
}
