import { z } from "zod";
import { AgentError } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { Journal } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";
import type { MonotonicCounter } from "../ports/update.ts";
import { type KeySeal, type KeySetDocument, keySetSchema, mergedKeys, readKeySet, writeKeySet } from "./key-set.ts";

const SPACE: JournalSpace = "ledger-seal";
const KEY = "state";
/** Names a ledger whose first seal is not in both places yet. */
const MAKING = "";

/** What both places hold. */
const sealSchema = z.strictObject({
  /** The value of the counter that vouches for it; 0 where there is none. */
  counter: z.int().min(0),
  /** Names the ledger: one that is made anew has another. */
  ledger: z.string(),
  /** Signed commands and key sets that it has taken. */
  changes: z.int().min(0),
  /** Counters of signed requests are of this generation. */
  generation: z.int().min(1),
  keys: keySetSchema.nullable(),
});
type Seal = z.infer<typeof sealSchema>;

export type LedgerSealParts = {
  readonly journal: Journal;
  /** A second place; it knows everything that the journal had before the last change. */
  readonly copy: { read(): unknown; write(value: Seal): void };
  /** Outside the disk; undefined where there is none. */
  readonly counter: MonotonicCounter | undefined;
  /** A name that no other ledger has. */
  readonly newId: () => string;
  readonly log: Log;
};

/**
 * Vouches for the ledger and the keys of signed requests, so that an older copy of the journal, or its loss, is found out: what acts is
 * refused then until someone acknowledges it. The acknowledgement begins a new generation of the requests' counters, in which nothing
 * that was signed before counts; the set of keys comes back from the second place.
 *
 * Each change is in the journal first, then in the second place, and then acts: the journal is never behind. A counter in the TPM goes
 * up with each start, key set and acknowledgement, not with each command, since its memory wears: where both places are put back
 * together it finds out those of an earlier start, and the expiry of a command bounds what is left. Who can write the disk of a
 * running agent can forge both places as well as the agent itself.
 */
export class LedgerSeal implements KeySeal {
  readonly #parts: LedgerSealParts;
  #fault: string | undefined;
  /** Value of the counter; 0 without one. */
  #counted = 0;

  private constructor(parts: LedgerSealParts) {
    this.#parts = parts;
  }

  /** Compares both places with the counter. Never rejects: what cannot be known shows in `fault` or in the journal's status. */
  static async open(parts: LedgerSealParts): Promise<LedgerSeal> {
    const seal = new LedgerSeal(parts);
    await seal.#guarded(() => seal.#open());
    return seal;
  }

  /** Why nothing that acts may act, apart from a loss that can be acknowledged. */
  fault(): string | undefined {
    return this.#fault;
  }

  generation(): number {
    return this.#read()?.generation ?? 1;
  }

  note(keys?: KeySetDocument): void {
    const state = this.#read();
    if (state === undefined) return;
    this.#put({ ...state, changes: state.changes + 1, keys: keys ?? state.keys });
  }

  settle(): string | undefined {
    const state = this.#read();
    if (state === undefined) return undefined;
    try {
      this.#parts.copy.write(state);
      return undefined;
    } catch (thrown) {
      const what = `the second place of the ledger cannot be written: ${String(thrown)}`;
      this.#parts.log.error("ledger-seal.not-written", { what });
      return what;
    }
  }

  async advance(): Promise<void> {
    const state = this.#read();
    if (state !== undefined) await this.#seal(state);
  }

  /** Someone knows of the loss: what was signed before counts no more. Rejects with the faults of journal, disk and TPM. */
  async acknowledge(): Promise<void> {
    const { journal, newId } = this.#parts;
    const state = this.#read() ?? this.#fresh();
    if (this.#parts.counter !== undefined) this.#counted = await counted(this.#parts.counter);
    await this.#seal({ ...state, ledger: newId(), changes: 0, generation: state.generation + 1 });
    journal.acknowledgeLoss();
    this.#fault = undefined;
  }

  async #open(): Promise<void> {
    const { journal, copy, counter } = this.#parts;
    this.#counted = (await counter?.read()) ?? 0;
    const inJournal = this.#read();
    const inCopy = sealSchema.safeParse(copy.read()).data;
    const known = [inJournal, inCopy].flatMap((place) => place ?? []);
    const keys = mergedKeys([readKeySet(journal), ...known.map((place) => place.keys ?? undefined)]) ?? null;
    const kept = { generation: Math.max(1, ...known.map((place) => place.generation)), keys };
    const problem = problemOf(inJournal, inCopy, counter === undefined ? undefined : this.#counted);
    if (problem !== undefined || journal.status().kind === "lost") return this.#declareLost(problem, kept);
    const isFirst = inJournal === undefined || inJournal.ledger === MAKING;
    const state = { ...(isFirst ? this.#fresh() : inJournal), ...kept };
    // A cut, or a full disk, before the second place and the counter are there must not look like their loss.
    if (isFirst) this.#put({ ...state, ledger: MAKING });
    if (counter !== undefined && this.#counted === 0) this.#counted = await counted(counter);
    if (isFirst) copy.write(state);
    // A cut between the places and the counter left it one behind.
    const sealed = Math.max(0, ...known.map((place) => place.counter));
    if (sealed === this.#counted + 1) await this.#advanceCounter();
    await this.#seal(state);
  }

  /** Begins anew with what is known of generation and keys. Nothing is sealed before someone has acknowledged it: the next start must find the same. */
  #declareLost(problem: string | undefined, kept: Pick<Seal, "generation" | "keys">): void {
    const { journal, log } = this.#parts;
    journal.atomically(() => {
      if (problem !== undefined && journal.status().kind !== "lost") journal.declareLost(problem);
      if (kept.keys !== null) writeKeySet(journal, kept.keys);
      this.#put({ ...this.#fresh(), counter: this.#counted, ...kept });
    });
    log.error("ledger-seal.broken", { what: problem ?? "the journal was lost" });
  }

  /** Both places, then the counter: one step ahead of it is a cut in between. */
  async #seal(state: Seal): Promise<void> {
    const { counter, copy } = this.#parts;
    const next = { ...state, counter: counter === undefined ? 0 : this.#counted + 1 };
    this.#put(next);
    copy.write(next);
    await this.#advanceCounter();
  }

  async #advanceCounter(): Promise<void> {
    const { counter } = this.#parts;
    if (counter === undefined) return;
    await counter.advance();
    this.#counted += 1;
  }

  #fresh(): Seal {
    return { counter: 0, ledger: this.#parts.newId(), changes: 0, generation: 1, keys: null };
  }

  #read(): Seal | undefined {
    return sealSchema.safeParse(this.#parts.journal.get(SPACE, KEY)).data;
  }

  #put(value: Seal): void {
    this.#parts.journal.put([{ space: SPACE, key: KEY, value: { ...value, keys: value.keys } }]);
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      const what = thrown instanceof AgentError ? thrown.message : String(thrown);
      this.#fault = `what vouches for the record of earlier commands cannot be used: ${what}`;
      this.#parts.log.error("ledger-seal.not-opened", { what });
    }
  }
}

/** What does not fit; undefined where the places and the counter do. `value` is undefined without a counter, 0 for one that is not made yet. */
function problemOf(journal: Seal | undefined, copy: Seal | undefined, value: number | undefined): string | undefined {
  if (journal?.ledger === MAKING) return undefined;
  if (journal !== undefined && copy !== undefined) {
    return placesProblem(journal, copy) ?? counterProblem(Math.max(journal.counter, copy.counter), value);
  }
  if (journal !== undefined) return "the second place of the record of earlier commands is gone";
  if (copy !== undefined) return "the record of earlier commands is gone, as the second place knows";
  return value === undefined || value === 0 ? undefined : "the counter in the TPM knows of a ledger that is gone";
}

function placesProblem(journal: Seal, copy: Seal): string | undefined {
  if (journal.ledger !== copy.ledger) return "the record of earlier commands is another than the second place knows";
  const isOlder = journal.changes < copy.changes || journal.generation < copy.generation;
  return isOlder ? "the record of earlier commands is an older copy" : undefined;
}

function counterProblem(sealed: number, value: number | undefined): string | undefined {
  // A seal from before there was a counter has none.
  if (value === undefined || (sealed === 0 && value === 0)) return undefined;
  return sealed === value || sealed === value + 1
    ? undefined
    : "the counter in the TPM does not know this record of earlier commands: the disk is an old one, or the TPM another";
}

/** The value of the counter, which is made where it is missing. */
async function counted(counter: MonotonicCounter): Promise<number> {
  const value = await counter.read();
  if (value === undefined) await counter.define();
  else if (value === 0) await counter.advance();
  else return value;
  return (await counter.read()) ?? 0;
}
