/** What somebody has said of the update that is under way. It holds for that one alone, and for this process. `current` gives the digest of the update. */
export class UpdateApproval {
  readonly #current: () => string | undefined;
  #digest: string | undefined;

  constructor(current: () => string | undefined) {
    this.#current = current;
  }

  grant(): void {
    this.#digest = this.#current();
  }

  isGranted(): boolean {
    return this.#digest !== undefined && this.#digest === this.#current();
  }
}
