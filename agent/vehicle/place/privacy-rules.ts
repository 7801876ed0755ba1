/** Whether positions may leave the vehicle, as everybody who has a say in it says at this moment. */
export class PrivacyRules {
  readonly #rules: (() => boolean)[] = [];

  /** From now on `isShared` must agree too. */
  add(isShared: () => boolean): void {
    this.#rules.push(isShared);
  }

  isShared(): boolean {
    return this.#rules.every((isShared) => isShared());
  }
}
