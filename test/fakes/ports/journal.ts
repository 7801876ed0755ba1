import type { Json } from "../../../agent/core/canonical-json.ts";
import type { Clock } from "../../../agent/core/clock.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import type {
  CommandEntry,
  Journal,
  JournalDocument,
  JournalStats,
  JournalStatus,
} from "../../../agent/ports/journal.ts";
import type { JournalSpace } from "../../../agent/ports/journal-spaces.ts";

/** How a `FakeJournal` starts. Bounds are those of `openJournal`. */
export type FakeJournalParts = {
  readonly clock: Clock;
  readonly maxCommands?: number;
  readonly maxReads?: number;
  readonly maxRefused?: number;
  readonly keepMs?: number;
};

type Held = { readonly entry: CommandEntry; readonly addedMs: number };
type State = {
  status: JournalStatus;
  documents: ReadonlyMap<string, JournalDocument>;
  commands: readonly Held[];
  forgotten: number;
};

/** A journal in memory: immutable state, replaced as a whole when a call succeeds. */
export class FakeJournal implements Journal {
  readonly #clock: Clock;
  readonly #bounds: Required<Omit<FakeJournalParts, "clock">>;
  #state: State = { status: { kind: "sound" }, documents: new Map(), commands: [], forgotten: 0 };
  #nextFault: AgentError | undefined;
  #isInside = false;
  #writes = 0;

  constructor({ clock, maxCommands = 1000, maxReads = 100, maxRefused = 100, keepMs = 3_600_000 }: FakeJournalParts) {
    this.#clock = clock;
    this.#bounds = { maxCommands, maxReads, maxRefused, keepMs };
  }

  /** Transactions that took effect. */
  get writes(): number {
    return this.#writes;
  }

  /** The next call that changes something throws this instead. */
  failNext(fault: AgentError): void {
    this.#nextFault = fault;
  }

  /** What it held is gone, as after its file was set aside, and it says so. */
  lose(what: string): void {
    this.#state = {
      status: { kind: "lost", what, sinceUs: this.#clock.wallUs() },
      documents: new Map(),
      commands: [],
      forgotten: 0,
    };
  }

  status(): JournalStatus {
    return this.#state.status;
  }

  declareLost(what: string): void {
    this.atomically(() => {
      this.#state.status = { kind: "lost", what, sinceUs: this.#clock.wallUs() };
    });
  }

  acknowledgeLoss(): void {
    this.atomically(() => {
      this.#state.status = { kind: "sound" };
    });
  }

  atomically<T>(work: () => T): T {
    if (this.#isInside) return work();
    const fault = this.#nextFault;
    this.#nextFault = undefined;
    if (fault !== undefined) throw fault;
    const before = { ...this.#state };
    this.#isInside = true;
    try {
      const result = work();
      this.#writes += 1;
      return result;
    } catch (thrown) {
      this.#state = before;
      throw thrown;
    } finally {
      this.#isInside = false;
    }
  }

  get(space: JournalSpace, key: string): Json | undefined {
    return this.#state.documents.get(keyOf(space, key))?.value;
  }

  list(space: JournalSpace): readonly JournalDocument[] {
    const found = [...this.#state.documents.values()].filter((document) => document.space === space);
    return found.toSorted((left, right) => (left.key < right.key ? -1 : 1));
  }

  put(documents: readonly JournalDocument[]): void {
    this.atomically(() => {
      const changed = new Map(this.#state.documents);
      for (const document of documents) {
        const key = keyOf(document.space, document.key);
        if (document.value === undefined) changed.delete(key);
        else changed.set(key, structuredClone(document));
      }
      this.#state.documents = changed;
    });
  }

  command(id: string): CommandEntry | undefined {
    return this.#state.commands.find(({ entry }) => entry.id === id)?.entry;
  }

  addCommand(entry: CommandEntry): "added" | "known" | "full" {
    return this.atomically(() => {
      if (this.command(entry.id) !== undefined) return "known";
      const nowMs = this.#clock.monotonicMs();
      const isYoung = ({ entry: { isReported }, addedMs }: Held): boolean =>
        !isReported || nowMs - addedMs < this.#bounds.keepMs;
      this.#state.commands = this.#state.commands.filter(isYoung);
      if (entry.state === "rejected") this.#forgetRefused();
      else if (entry.isRead) this.#forgetRead();
      const alike = this.#state.commands.filter((held) => classOf(held.entry) === classOf(entry));
      if (alike.length >= this.#bounds[classOf(entry)]) return "full";
      this.#state.commands = [...this.#state.commands, { entry, addedMs: nowMs }];
      return "added";
    });
  }

  changeCommand(id: string, change: Partial<Pick<CommandEntry, "state" | "isReported" | "body">>): void {
    this.atomically(() => {
      if (this.command(id) === undefined) {
        throw new AgentError("internal.bug", { what: `command ${id} is not in the ledger`, remedy: "report it" });
      }
      this.#state.commands = this.#state.commands.map((held) =>
        held.entry.id === id ? { ...held, entry: { ...held.entry, ...change } } : held,
      );
    });
  }

  listCommands(limit: number): readonly CommandEntry[] {
    return this.#state.commands
      .toReversed()
      .slice(0, limit)
      .map(({ entry }) => entry);
  }

  unreportedCommands(limit: number): readonly CommandEntry[] {
    const untold = this.#state.commands.filter(({ entry }) => !entry.isReported);
    return untold.slice(0, limit).map(({ entry }) => entry);
  }

  stats(): JournalStats {
    const { maxCommands } = this.#bounds;
    const { commands, forgotten } = this.#state;
    const reads = commands.filter(({ entry }) => classOf(entry) === "maxReads").length;
    return {
      commands: commands.length,
      maxCommands,
      reads,
      refused: this.#refused().length,
      forgottenRejections: forgotten,
    };
  }

  close(): void {}

  #refused(): readonly Held[] {
    return this.#state.commands.filter(({ entry }) => entry.state === "rejected");
  }

  #forgetRead(): void {
    const reads = this.#state.commands.filter(({ entry }) => classOf(entry) === "maxReads");
    const told = reads.filter(({ entry }) => entry.isReported);
    const surplus = told.slice(0, Math.max(0, reads.length - this.#bounds.maxReads + 1));
    this.#state.commands = this.#state.commands.filter((held) => !surplus.includes(held));
  }

  #forgetRefused(): void {
    const surplus = this.#refused().slice(0, Math.max(0, this.#refused().length - this.#bounds.maxRefused + 1));
    this.#state.commands = this.#state.commands.filter((held) => !surplus.includes(held));
    this.#state.forgotten += surplus.length;
  }
}

function classOf({ state, isRead }: CommandEntry): "maxCommands" | "maxReads" | "maxRefused" {
  if (state === "rejected") return "maxRefused";
  return isRead ? "maxReads" : "maxCommands";
}

function keyOf(space: string, key: string): string {
  return JSON.stringify([space, key]);
}
