/** Whether positions may leave the vehicle, as everybody who has a say in it says at this moment. */
export class PrivacyRules {
  readonly #rules: (() => boolean)[] = [];
  readonly #onPrivate: () => void;
  #wasShared = false;

  /** `onPrivate`: positions that could leave may do so no more; found by whoever asks first. */
  constructor(onPrivate: () => void = () => undefined) {
    this.#onPrivate = onPrivate;
  }

  /** From now on `isShared` must agree too. */
  add(isShared: () => boolean): void {
    this.#rules.push(isShared);
  }

  isShared(): boolean {
    const isShared = this.#rules.every((rule) => rule());
    const isPrivateNow = this.#wasShared && !isShared;
    this.#wasShared = isShared;
    if (isPrivateNow) this.#onPrivate();
    return isShared;
  }
}
