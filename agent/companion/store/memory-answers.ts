import type { AnswerStore, VehicleAnswer } from "./answers.ts";

/** Commands whose answers are held at most; the oldest go beyond it. */
const MAX_COMMANDS = 10_000;

/** Answers that one process heard, for a bench. */
export class MemoryAnswers implements AnswerStore {
  readonly #answers = new Map<string, Map<VehicleAnswer["status"], VehicleAnswer>>();
  /** Commands whose answers the bound threw away. */
  dropped = 0;

  /** Keeps what a thing has said; the same again changes nothing. */
  put(thing: string, command: string, answer: VehicleAnswer): void {
    const key = `${thing}/${command}`;
    const known = this.#answers.get(key) ?? new Map<VehicleAnswer["status"], VehicleAnswer>();
    if (!known.has(answer.status)) known.set(answer.status, answer);
    this.#answers.set(key, known);
    const [oldest] = this.#answers.keys();
    if (this.#answers.size <= MAX_COMMANDS || oldest === undefined) return;
    this.#answers.delete(oldest);
    this.dropped += 1;
  }

  async read(thing: string, command: string): Promise<readonly VehicleAnswer[]> {
    return [...(this.#answers.get(`${thing}/${command}`)?.values() ?? [])];
  }
}
