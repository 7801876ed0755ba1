import type { ProgramCommand, ProgramCommands, ProgramReply } from "../ports/program-commands.ts";
import type { HeldCommands } from "./held-commands.ts";

/** What became of the commands of a program, since start. */
export type CommandCounts = {
  /** Handed over. */
  commands: number;
  /** Of these, those whose end nobody knows: it went away, was late, or its answer could not be used. */
  unanswered: number;
};

/**
 * Which connection answers which command, and the commands on their way. The last connection that registers a name has it; what another
 * was handed before stays in its hands, so that nothing is handed over twice.
 */
export class CommandDesk implements ProgramCommands {
  readonly #allowed: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #newId: () => string;
  readonly #isStarting: () => boolean;
  readonly #counts = new Map<string, CommandCounts>();
  /** By program and command; neither has a slash. */
  readonly #answering = new Map<string, HeldCommands>();
  /** Names that were answered at some time since the start, as the keys above. */
  readonly #known = new Set<string>();
  /** Those that registered something, and have not ended. */
  readonly #connected = new Set<HeldCommands>();
  #isClosed = false;

  /**
   * `clients`: programs, and the names that each may answer. `newId` gives what was never given before, by an earlier process either.
   * `isStarting`: whether the agent started so short a time ago that programs may not have come back yet.
   */
  constructor(
    clients: readonly { readonly name: string; readonly answers: readonly string[] }[],
    newId: () => string,
    isStarting: () => boolean = () => false,
  ) {
    this.#isStarting = isStarting;
    this.#allowed = new Map(clients.map(({ name, answers }) => [name, new Set(answers)]));
    this.#newId = newId;
  }

  countsOf(program: string): Readonly<CommandCounts> {
    return this.#countsOf(program);
  }

  /** The names that are answered at this moment. */
  namesOf(program: string): readonly string[] {
    return [...(this.#allowed.get(program) ?? [])].filter((name) => this.#answering.has(keyOf(program, name)));
  }

  /** The names that it may answer, and does not at this moment. */
  missingOf(program: string): readonly string[] {
    return [...(this.#allowed.get(program) ?? [])].filter((name) => !this.#answering.has(keyOf(program, name)));
  }

  /** A connection answers these names from now on; all must be allowed to the program. */
  register(program: string, names: readonly string[], held: HeldCommands): void {
    this.#connected.add(held);
    for (const name of names) {
      this.#answering.set(keyOf(program, name), held);
      this.#known.add(keyOf(program, name));
    }
  }

  /** Whether this connection would get a command. */
  isAnswering(held: HeldCommands): boolean {
    return [...this.#answering.values()].includes(held);
  }

  /** A connection has ended. */
  leave(held: HeldCommands): void {
    for (const [key, holder] of this.#answering) if (holder === held) this.#answering.delete(key);
    this.#connected.delete(held);
    held.endAll("gone");
  }

  /** The agent ends: nothing more is handed over, and nobody waits any more. */
  close(): void {
    this.#isClosed = true;
    for (const held of this.#connected) held.endAll("ended");
  }

  problem(program: string, name: string): string | undefined {
    const names = this.#allowed.get(program);
    if (names === undefined) return `there is no program ${program} in programs.clients`;
    return names.has(name) ? undefined : `${program} may not answer ${name}: add it to its answers in programs.clients`;
  }

  absence(program: string, name: string): string | undefined {
    if (this.#isClosed) return "the agent is ending";
    if (this.#answering.has(keyOf(program, name))) return undefined;
    const isThere = this.namesOf(program).length > 0;
    return isThere ? `${program} is connected, but does not answer ${name}` : `${program} is not connected`;
  }

  isAwaited(program: string, name: string): boolean {
    return !this.#isClosed && !this.#known.has(keyOf(program, name)) && this.#isStarting();
  }

  async ask(command: ProgramCommand, signal: AbortSignal): Promise<ProgramReply> {
    const { program, name } = command;
    const absence = this.absence(program, name);
    const held = this.#answering.get(keyOf(program, name));
    if (absence !== undefined || held === undefined) return { kind: "absent", what: absence ?? "nobody answers it" };
    const handed = held.hand(this.#newId(), command, signal);
    if (handed === undefined) return { kind: "absent", what: `${program} does not read what it is sent` };
    const counts = this.#countsOf(program);
    counts.commands += 1;
    const reply = await handed;
    if (reply.kind !== "answered") counts.unanswered += 1;
    return reply;
  }

  #countsOf(program: string): CommandCounts {
    const known = this.#counts.get(program) ?? { commands: 0, unanswered: 0 };
    this.#counts.set(program, known);
    return known;
  }
}

function keyOf(program: string, name: string): string {
  return `${program}/${name}`;
}
