import type { ProgramAnswer, ProgramCommand, ProgramReply } from "../ports/program-commands.ts";
import type { ToProgram } from "./to-program.ts";

type HeldCommand = Pick<ProgramCommand, "problemWith"> & { readonly end: (reply: ProgramReply) => void };

/** What a program is told of its answer to a command. */
export type AnswerTaken =
  | { readonly kind: "taken" }
  | { readonly kind: "unknown" }
  | { readonly kind: "unfit"; readonly what: string };

/** The commands that one connection was handed and has not answered. */
export class HeldCommands {
  readonly #say: (said: ToProgram) => boolean;
  readonly #held = new Map<string, HeldCommand>();

  /** `say` as `OpenProgramSession` has it. */
  constructor(say: (said: ToProgram) => boolean) {
    this.#say = say;
  }

  /** How many they are. */
  get size(): number {
    return this.#held.size;
  }

  /** Hands a command over; undefined where the program takes nothing. What it gives resolves once, with the answer or without one. */
  hand(id: string, command: ProgramCommand, signal: AbortSignal): Promise<ProgramReply> | undefined {
    const { name, ledgerId, arguments: given, deadlineMs, problemWith } = command;
    const { promise, resolve } = Promise.withResolvers<ProgramReply>();
    const late = (): void => this.#end(id, { kind: "late" });
    const end = (reply: ProgramReply): void => {
      signal.removeEventListener("abort", late);
      resolve(reply);
    };
    if (!this.#say({ command: { id, name, arguments: given, deadlineMs, ledgerId } })) return undefined;
    this.#held.set(id, { problemWith, end });
    signal.addEventListener("abort", late);
    if (signal.aborted) late();
    return promise;
  }

  /** The program answers; whatever it says, the command is out of its hands then. */
  answer(id: string, answer: ProgramAnswer): AnswerTaken {
    const what = this.#held.get(id)?.problemWith(answer);
    if (!this.#held.has(id)) return { kind: "unknown" };
    this.#end(id, what === undefined ? { kind: "answered", answer } : { kind: "unfit", what });
    return what === undefined ? { kind: "taken" } : { kind: "unfit", what };
  }

  /** It answers none of them any more. */
  endAll(kind: "gone" | "ended"): void {
    for (const id of this.#held.keys()) this.#end(id, { kind });
  }

  #end(id: string, reply: ProgramReply): void {
    const held = this.#held.get(id);
    this.#held.delete(id);
    held?.end(reply);
  }
}
