/** Gives answers in the order in which their questions came, whenever they are known. */
export class OrderedAnswers<T extends object> {
  readonly #give: (value: T) => void;
  readonly #waiting: { value: T | undefined }[] = [];
  #hasEnded = false;

  constructor(give: (value: T) => void) {
    this.#give = give;
  }

  /** Questions without an answer that was given. */
  get open(): number {
    return this.#waiting.length;
  }

  /** A question: call what it gives with the answer, once. */
  expect(): (value: T) => void {
    const slot: { value: T | undefined } = { value: undefined };
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
