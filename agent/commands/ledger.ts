import { z } from "zod";
import type { Json } from "../core/canonical-json.ts";
import { canonicalJson } from "../core/canonical-json.ts";
import { type CommandEntry, type CommandState, isJournalFault, type Journal } from "../ports/journal.ts";
import { type Answer, answerSchema, type CommandRejection, failureAnswer, rejected } from "./answer.ts";
import type { AuditTrail } from "./audit.ts";
import type { RejectionCount } from "./rejection-budget.ts";
import { type CommandRequest, type ReplyAddress, replyAddress } from "./request.ts";

/** Who may wait for the answer to one running command besides whoever asked first. */
const MAX_WAITING = 16;

/** What the ledger keeps of a command besides its state. */
const ledgerBody = z
  .object({
    action: z.string(),
    reply: replyAddress,
    answer: answerSchema.optional(),
    /** Set by an act whose end this process cannot see: the kernel's boot id at that time. */
    heldBootId: z.string().optional(),
  })
  .readonly();
type LedgerBody = z.infer<typeof ledgerBody>;

/** A command as the ledger knows it. */
export type LedgerEntry = Omit<CommandEntry, "body"> & LedgerBody;

/** Commands of one action that ended in one way. */
export type EndedCommands = {
  readonly action: string;
  readonly status: Answer["status"];
  readonly count: number;
};

/** What is known of a request that came before. "running": its answer is still to come, to everyone who asked. */
export type KnownRequest =
  | { readonly kind: "new" }
  | { readonly kind: "running" }
  | { readonly kind: "answered"; readonly answer: Answer };

/**
 * Which commands there were and how they ended, so that none acts twice: across redelivery, restart and power cut.
 *
 * A command is "received" before anything is done for it, "started" before its act begins (in one write with "received", since each
 * write waits for the disk), "finished" with its one answer. The answer stays until whoever asked was told. All of it is in the journal
 * before a call returns. While a command can still be refused a journal that fails is a reason to refuse it; later the fault is thrown.
 */
export class CommandLedger {
  readonly #journal: Journal;
  readonly #audit: Pick<AuditTrail, "append" | "flush">;
  readonly #seal: { fault(): string | undefined } | undefined;
  /** Who else waits for the answer to a command that runs, by the id of the command. */
  readonly #waiting = new Map<string, Map<string, ReplyAddress>>();
  readonly #ended = new Map<string, EndedCommands>();

  constructor(journal: Journal, audit: Pick<AuditTrail, "append" | "flush">, seal?: { fault(): string | undefined }) {
    this.#journal = journal;
    this.#seal = seal;
    this.#audit = audit;
  }

  /** Commands that came to their end since start, by action and how they ended; what was refused before it was taken over is not among them. */
  ended(): readonly EndedCommands[] {
    return [...this.#ended.values()];
  }

  /** Why a repeat would not be known: what it held before is gone, or nothing vouches for it; undefined while it is whole. */
  fault(): string | undefined {
    if (this.#journal.status().kind === "lost")
      return "the record of earlier commands was lost; someone must acknowledge that first";
    return this.#seal?.fault();
  }

  /** Whether the same request, byte by byte, came before. Its answer will be told again, to whoever asks now. */
  recall(request: CommandRequest): KnownRequest | CommandRejection {
    return orLedgerUnreadable(() => this.#recall(request));
  }

  #recall({ ledgerId, digest, reply, action }: CommandRequest): KnownRequest | CommandRejection {
    const entry = this.find(ledgerId);
    if (entry?.digest !== digest) return this.#recallElsewhere(digest, reply);
    if (entry.answer === undefined) return this.#await(entry, reply);
    if (isSameAddress(entry.reply, reply)) this.#reportAgain(entry);
    else this.#answerElsewhere({ digest, action, reply, answer: entry.answer });
    return { kind: "answered", answer: entry.answer };
  }

  /** Whoever asks for what runs already gets its answer too; after a crash only whoever asked first does. */
  #await(entry: LedgerEntry, reply: ReplyAddress): KnownRequest | CommandRejection {
    if (isSameAddress(entry.reply, reply)) return { kind: "running" };
    const waiting = this.#waiting.get(entry.id) ?? new Map<string, ReplyAddress>();
    if (!waiting.has(repeatIdOf(reply)) && waiting.size >= MAX_WAITING) {
      return rejected("BUSY", "the same request is running, and too many wait for its answer");
    }
    this.#waiting.set(entry.id, waiting.set(repeatIdOf(reply), reply));
    return { kind: "running" };
  }

  /** A request that was refused because its id stands for another one is known by where its answer goes. */
  #recallElsewhere(digest: string, reply: ReplyAddress): KnownRequest {
    const entry = this.find(repeatIdOf(reply));
    if (entry?.digest !== digest || entry.answer === undefined) return { kind: "new" };
    this.#reportAgain(entry);
    return { kind: "answered", answer: entry.answer };
  }

  /**
   * Takes the command over: from here on its id is used up. What `also` writes, such as that it started, is written together with
   * it, or not at all. A read has its own room. Gives the rejection where the id stands for another request, or the ledger has no room.
   */
  claim(request: CommandRequest, isRead: boolean, also: () => void): CommandRejection | undefined {
    const { ledgerId, digest, action, reply } = request;
    const outcome = orLedgerUnreadable(() => {
      return this.#journal.atomically(() => {
        const added = this.#journal.addCommand({
          ...entryOf(ledgerId, digest, "received", { action, reply }),
          isRead,
        });
        if (added === "added") {
          this.#audit.append({ event: "received", command: ledgerId, action, digest, reply: replyBody(reply) });
          also();
        }
        return added;
      });
    });
    if (typeof outcome === "object") return outcome;
    switch (outcome) {
      case "added":
        return undefined;
      case "known":
        return rejected("ID_REUSED", `${ledgerId} stands for another request`);
      case "full":
        return rejected(
          "LEDGER_FULL",
          isRead ? "too many reads wait to be answered" : "too many commands are too recent to be forgotten",
        );
    }
  }

  /** Remembers that a request was refused, so that a repeat is refused alike; gives whether it could. One whose id is taken is left to that. Where not audited here, it is audited with others. */
  reject({ ledgerId, digest, action, reply }: CommandRequest, answer: Answer, isAudited: boolean): boolean {
    const outcome = orLedgerUnreadable(() => {
      this.#audited(() => {
        const added = this.#journal.addCommand(entryOf(ledgerId, digest, "rejected", { action, reply, answer }));
        if (added === "known") this.#answerElsewhere({ digest, action, reply, answer });
        if (!isAudited) return;
        const facts = { action, digest, reply: replyBody(reply), answer: answerBody(answer) };
        this.#audit.append({ event: "rejected", command: ledgerId, ...facts });
      });
    });
    return outcome === undefined;
  }

  /** Audits rejections together, and hands over what of the trail still waits; gives whether it could. */
  auditRejections(counts: readonly RejectionCount[]): boolean {
    const outcome = orLedgerUnreadable(() => {
      if (counts.length === 0) this.#audit.flush();
      else
        this.#audited(() => counts.forEach((count) => this.#audit.append({ event: "rejected-over-budget", ...count })));
    });
    return outcome === undefined;
  }

  /** The act may begin. One that ends in a restart of the system leaves the boot id of before, by which its answer is found after it. */
  start(ledgerId: string, heldBootId: string | undefined): void {
    this.#journal.atomically(() => {
      this.#change(ledgerId, { heldBootId }, "started");
      this.#audit.append({ event: "started", command: ledgerId });
    });
  }

  /** The command is over. Of two ends the first counts; gives the one that counts. */
  finish(ledgerId: string, answer: Answer): Answer {
    return this.#finish(ledgerId, answer, "finished");
  }

  /**
   * Ends what a process before this one left open. Call once, before anything is dispatched. What had not started was not done; of
   * what had started nobody knows, and it is not done again; what waited for a reboot has succeeded when `bootId` is another now.
   */
  recover(bootId: string): readonly LedgerEntry[] {
    const open = this.unreported(Number.MAX_SAFE_INTEGER).filter(({ answer }) => answer === undefined);
    for (const entry of open) this.#finish(entry.id, answerAfterRestart(entry, bootId), "settled");
    this.flushAudit();
    return open;
  }

  /**
   * Sends the entries of the audit trail on their way. They are durable in the journal already: on the way from a command to its act
   * there is no time for the outbox, so that "received" and "started" go out with the end, or when that takes long.
   */
  flushAudit(): void {
    orLedgerUnreadable(() => this.#audit.flush());
  }

  /** Commands whose answer is known and not reported yet, oldest first. */
  unreported(limit: number): readonly LedgerEntry[] {
    return this.#journal.unreportedCommands(limit).map(readEntry);
  }

  /** Whoever asked has the answer, or cannot be told any more. */
  markReported(ledgerId: string): void {
    this.#journal.changeCommand(ledgerId, { isReported: true });
  }

  find(ledgerId: string): LedgerEntry | undefined {
    const entry = this.#journal.command(ledgerId);
    return entry === undefined ? undefined : readEntry(entry);
  }

  /** The newest first. */
  list(limit: number): readonly LedgerEntry[] {
    return this.#journal.listCommands(limit).map(readEntry);
  }

  #finish(ledgerId: string, answer: Answer, event: "finished" | "settled"): Answer {
    const waiting = [...(this.#waiting.get(ledgerId)?.values() ?? [])];
    const { action, counts } = this.#audited(() => {
      const entry = this.find(ledgerId);
      if (entry?.answer !== undefined) return { action: undefined, counts: entry.answer };
      const { digest, action: ended } = this.#change(ledgerId, { answer }, "finished");
      this.#audit.append({ event, command: ledgerId, answer: answerBody(answer) });
      for (const reply of waiting) this.#answerElsewhere({ digest, action: ended, reply, answer });
      return { action: ended, counts: answer };
    });
    this.#waiting.delete(ledgerId);
    if (action !== undefined) this.#count(action, answer.status);
    return counts;
  }

  /** Actions are those of the catalogue and our own. */
  #count(action: string, status: Answer["status"]): void {
    const key = `${status} ${action}`;
    this.#ended.set(key, { action, status, count: (this.#ended.get(key)?.count ?? 0) + 1 });
  }

  /** One transaction with its entries of the audit trail, which then go out. */
  #audited<T>(work: () => T): T {
    const result = this.#journal.atomically(work);
    this.#audit.flush();
    return result;
  }

  #change(ledgerId: string, change: Partial<LedgerBody>, state: CommandState): LedgerEntry {
    const entry = this.find(ledgerId);
    if (entry === undefined) throw new TypeError(`command ${ledgerId} is not in the ledger`);
    const { action, reply, answer, heldBootId } = { ...entry, ...change };
    this.#journal.changeCommand(ledgerId, { state, body: bodyOf({ action, reply, answer, heldBootId }) });
    return entry;
  }

  /** The same request through another execution has its own answer to give, and nothing to do. */
  #answerElsewhere(repeat: { digest: string; action: string; reply: ReplyAddress; answer: Answer }): void {
    const { digest, ...body } = repeat;
    const id = repeatIdOf(repeat.reply);
    const added = this.#journal.addCommand(entryOf(id, digest, "rejected", body));
    if (added === "known") this.#journal.changeCommand(id, { isReported: false });
  }

  /** Writes only what changes: a burst of repeats must not hold up the bus for a write each. */
  #reportAgain({ id, isReported }: LedgerEntry): void {
    if (isReported) this.#journal.changeCommand(id, { isReported: false });
  }
}

/** What `use` gives, or the rejection that a journal that fails is a reason for. */
export function orLedgerUnreadable<T>(use: () => T): T | CommandRejection {
  try {
    return use();
  } catch (thrown) {
    if (!isJournalFault(thrown)) throw thrown;
    return rejected("LEDGER_UNREADABLE", "the record of earlier commands cannot be used");
  }
}

function answerAfterRestart({ state, heldBootId }: LedgerEntry, bootId: string): Answer {
  if (state === "received") return failureAnswer("NOT_STARTED", "the agent ended before it acted; nothing was done");
  if (heldBootId === undefined) {
    return failureAnswer(
      "INDETERMINATE",
      "the agent ended while it acted; it may have been done, and is not done again",
    );
  }
  if (heldBootId === bootId) return failureAnswer("NO_RESPONSE", "the system was not restarted");
  return { status: "SUCCEEDED", reason: undefined, result: { bootId } };
}

function entryOf(id: string, digest: string, state: CommandState, body: LedgerBody): CommandEntry {
  return { id, digest, state, isRead: false, isReported: false, body: bodyOf(body) };
}

/** JSON has no undefined. */
function bodyOf({ action, reply, answer, heldBootId }: LedgerBody): Json {
  return {
    action,
    reply: replyBody(reply),
    ...(heldBootId === undefined ? {} : { heldBootId }),
    ...(answer === undefined ? {} : { answer: answerBody(answer) }),
  };
}

function replyBody(reply: ReplyAddress): Json {
  const entries = Object.entries(reply).flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const]));
  return Object.fromEntries(entries);
}

function answerBody({ status, reason, result }: Answer): Json {
  return { status, result, ...(reason === undefined ? {} : { reason }) };
}

function readEntry({ body, ...entry }: CommandEntry): LedgerEntry {
  return { ...entry, ...ledgerBody.parse(body) };
}

/** Colons and braces are in no id that a requester may choose. */
function repeatIdOf(reply: ReplyAddress): string {
  return `repeat:${canonicalJson(replyBody(reply))}`;
}

function isSameAddress(left: ReplyAddress, right: ReplyAddress): boolean {
  return canonicalJson(replyBody(left)) === canonicalJson(replyBody(right));
}
