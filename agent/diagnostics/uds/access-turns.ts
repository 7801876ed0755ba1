/**
 * Sessions of one ECU, one after the other, whoever opens them: who leaves a session would end that of somebody else with it, and close what
 * a key has opened. Requests that need no session wait for nobody.
 */
export class AccessTurns {
  #last: Promise<void> = Promise.resolve();

  /** Does `act` when all that came before have ended; they are as long as the catalogue says. */
  async take<T>(act: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const ended = Promise.withResolvers<void>();
    this.#last = ended.promise;
    await before;
    try {
      return await act();
    } finally {
      ended.resolve();
    }
  }
}
