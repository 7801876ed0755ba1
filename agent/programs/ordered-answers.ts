/** Gives answers in the order in which their questions came, whenever they are known. */
export class OrderedAnswers {
  readonly #give: (value: object) => void;
  readonly #waiting: { value: object | undefined }[] = [];
  #hasEnded = false;

  constructor(give: (value: object) => void) {
    this.#give = give;
  }

  /** Questions without an answer that was given. */
  get open(): number {
    return this.#waiting.length;
  }

  /** A question: call what it gives with the answer, once. */
  expect(): (value: object) => void {
    const slot: { value: object | undefined } = { value: undefined };
    this.#waiting.push(slot);
    return (value) => {
      slot.value = value;
      this.#flush();
    };
  }

  /** Nobody is answered any more. */
  end(): void {
    this.#hasEnded = true;
    this.#waiting.length = 0;
  }

  #flush(): void {
    if (this.#hasEnded) return;
    while (this.#waiting[0]?.value !== undefined) {
      const [first] = this.#waiting.splice(0, 1);
      if (first?.value !== undefined) this.#give(first.value);
    }
  }
}
