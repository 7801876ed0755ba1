import type { Action, CommandClass, PartialResult, Prepared } from "../../../agent/commands/action.ts";
import { ActionRunner } from "../../../agent/commands/action-runner.ts";
import { ActionSlots } from "../../../agent/commands/action-slots.ts";
import type { Answer, CommandRejection } from "../../../agent/commands/answer.ts";
import { AuditTrail } from "../../../agent/commands/audit.ts";
import { Authority } from "../../../agent/commands/authority.ts";
import type { SignedFields } from "../../../agent/commands/canonical.ts";
import { CommandClock } from "../../../agent/commands/command-clock.ts";
import { type DispatchParts, dispatch } from "../../../agent/commands/dispatch.ts";
import { type KeySeal, KeySet } from "../../../agent/commands/key-set.ts";
import { CommandLedger } from "../../../agent/commands/ledger.ts";
import type { LedgerSeal } from "../../../agent/commands/ledger-seal.ts";
import { RejectionBudget } from "../../../agent/commands/rejection-budget.ts";
import { type ReplyChannel, Reporter } from "../../../agent/commands/report.ts";
import type { IncomingCommand, ReplyAddress } from "../../../agent/commands/request.ts";
import type { Json } from "../../../agent/core/canonical-json.ts";
import type { PublicKey } from "../../../agent/core/public-key.ts";
import type { Journal } from "../../../agent/ports/journal.ts";
import type { AuditEntry } from "../../../agent/telemetry/record/encode/audit.ts";
import { type Policy, policySchema } from "../../../config/policy.ts";
import { ManualClock } from "../core/clock.ts";
import { MemoryLog } from "../core/log.ts";
import { FakeJournal } from "../ports/journal.ts";
import { type SigningKey, signingKey } from "./signing-key.ts";

export const THING = "truck-1";
const LIMITS = { receiveMaximum: 100, maximumPacketBytes: 149_504, topicAliasMaximum: 8, retainAvailable: true };

const NO_SEAL: KeySeal = {
  generation: () => 1,
  note: () => undefined,
  settle: () => undefined,
  advance: () => Promise.resolve(),
};

/** An answer as it went out. */
export type ReportedAnswer = { readonly reply: ReplyAddress; readonly answer: Answer };

/** A channel that remembers what it told; `outcome` decides whether it arrived. */
export class FakeChannel implements ReplyChannel {
  readonly reported: ReportedAnswer[] = [];
  readonly progressed: ReplyAddress[] = [];
  readonly parts: PartialResult[] = [];
  outcome: "reported" | "later" = "reported";
  /** The execution whose answers never arrive. */
  refuses: string | undefined;
  /** Whether answers stay on their way for ever. */
  hangs = false;
  attempts = 0;
  onReport: (reply: ReplyAddress, answer: Answer) => void = () => undefined;

  progress(reply: ReplyAddress): Promise<void> {
    this.progressed.push(reply);
    return Promise.resolve();
  }

  onPart: (reply: ReplyAddress, part: PartialResult) => void = () => undefined;

  part(reply: ReplyAddress, part: PartialResult): Promise<void> {
    this.onPart(reply, part);
    this.parts.push(part);
    return Promise.resolve();
  }

  async report(reply: ReplyAddress, answer: Answer): Promise<"reported" | "later"> {
    this.attempts += 1;
    this.onReport(reply, answer);
    if (this.hangs) return await new Promise(() => undefined);
    if (this.outcome === "later" || (reply.channel === "aws" && reply.execution === this.refuses)) return "later";
    this.reported.push({ reply, answer });
    return "reported";
  }
}

/** What an action of the test does. */
export type TestAction = {
  readonly commandClass: CommandClass;
  readonly run?: Prepared["run"];
  readonly unsafe?: () => CommandRejection | undefined;
  readonly prepare?: (given: Readonly<Record<string, unknown>>) => CommandRejection | undefined;
  readonly endsInRestart?: boolean;
  readonly timeoutMs?: number;
  /** Itself when absent. */
  readonly uses?: readonly string[];
  readonly queues?: boolean;
  readonly awaits?: () => boolean;
  readonly keyRole?: Action["keyRole"];
};

/** How a `CommandBench` starts. */
export type CommandBenchParts = {
  readonly clock?: ManualClock;
  readonly journal?: Journal;
  readonly actions?: Readonly<Record<string, TestAction>>;
  /** Actions of the agent itself, made with the bench's keys. */
  readonly builtIn?: (keys: KeySet) => readonly Action[];
  readonly allow?: readonly unknown[];
  readonly key?: SigningKey;
  /** Keys of the policy; that of `key` when absent. */
  readonly pinned?: readonly PublicKey[];
  readonly onReport?: (reply: ReplyAddress, answer: Answer) => void;
  readonly bootId?: string;
  readonly maxRunning?: number;
  readonly maxReading?: number;
  /** None when absent: counters are of generation 1. */
  readonly seal?: LedgerSeal;
  /** Without bound when absent. */
  readonly refusalsPerMinute?: number;
  /** 0 when absent. */
  readonly clockWaitMs?: number;
  readonly readsOnly?: string;
};

/** Everything behind the channels, with fakes around it. */
export class CommandBench {
  readonly clock: ManualClock;
  readonly journal: Journal;
  readonly ledger: CommandLedger;
  readonly keys: KeySet;
  readonly channel = new FakeChannel();
  readonly log = new MemoryLog();
  readonly key: SigningKey;
  readonly parts: DispatchParts;
  /** Channel and reason of every rejection. */
  readonly rejected: string[] = [];
  /** Entries of the audit trail as they went out. */
  readonly audited: AuditEntry[] = [];
  /** Whether the outbox takes more of them. */
  hasRoom = true;
  /** Names of the actions in the order in which they acted. */
  readonly acts: string[] = [];
  #counter = 0;

  constructor(parts: CommandBenchParts = {}) {
    const { clock = new ManualClock(), actions = {}, bootId = "boot-1", maxRunning = 4 } = parts;
    this.clock = clock;
    this.journal = parts.journal ?? new FakeJournal({ clock });
    if (parts.onReport !== undefined) this.channel.onReport = parts.onReport;
    this.key = parts.key ?? signingKey("ops");
    const sink = {
      handOver: (entries: readonly AuditEntry[]) => void this.audited.push(...entries),
      hasRoom: () => this.hasRoom,
      isStored: () => true,
    };
    this.ledger = new CommandLedger(this.journal, new AuditTrail(this.journal, sink, clock), parts.seal);
    const policy: Policy = policySchema.parse({
      schemaVersion: 1,
      keys: parts.pinned ?? [this.key.pinned],
      allow: parts.allow ?? [{ action: "*", ratePerMinute: 6000 }],
    });
    this.keys = new KeySet(policy.keys, this.journal, parts.seal ?? NO_SEAL);
    const reporter = new Reporter({
      ledger: this.ledger,
      channelOf: () => this.channel,
      broker: { online: () => Promise.resolve(LIMITS) },
      clock,
      log: this.log,
      random: () => 0.5,
    });
    const bounds = { maxRunning, maxReading: parts.maxReading ?? 4 };
    const made = Object.entries(actions).map(([name, action]) => this.#action(name, action));
    this.parts = {
      settings: {
        thing: THING,
        maxRequestBytes: 4096,
        maxLifeMs: 3_600_000,
        maxSkewMs: 5000,
        bootId,
        readsOnly: parts.readsOnly,
      },
      actions: new Map([...made, ...(parts.builtIn?.(this.keys) ?? [])].map((action) => [action.name, action])),
      authority: new Authority(policy, this.keys, clock),
      ledger: this.ledger,
      rejections: new RejectionBudget({
        perMinute: parts.refusalsPerMinute ?? 100_000,
        audit: (counts) => this.ledger.auditRejections(counts),
        onRejected: (channel, reason) => this.rejected.push(`${channel} ${reason}`),
        clock,
        log: this.log,
      }),
      reporter,
      runner: new ActionRunner({
        slots: new ActionSlots(bounds),
        queue: new ActionSlots({ maxRunning: 3, maxReading: 3 }),
        reporter,
        clock,
        log: this.log,
      }),
      clock: new CommandClock({ slots: new ActionSlots(bounds), reporter, clock, waitMs: parts.clockWaitMs ?? 0 }),
    };
  }

  /** A number that is new each time `signed` was called. */
  get nextCounter(): number {
    return this.#counter;
  }

  get nowMs(): number {
    return this.clock.wallUs() / 1000;
  }

  /** A payload that would be carried out: signed, in time, with the next counter. `change` is signed too. */
  signed(action: string, change: Partial<SignedFields> = {}, key = this.key): Record<string, unknown> {
    this.#counter += 1;
    const fields: SignedFields = {
      id: `id-${this.#counter}`,
      thing: THING,
      action,
      arguments: {},
      notBeforeMs: this.nowMs - 1000,
      expiresAtMs: this.nowMs + 60_000,
      counter: this.#counter,
      ...change,
    };
    return { schemaVersion: 1, ...fields, signature: key.sign(fields) };
  }

  /** Sends a body on the channel; gives the answer that dispatching it gives. */
  send(
    body: unknown,
    change: Partial<IncomingCommand> = {},
    signal = new AbortController().signal,
  ): Promise<Answer | undefined> {
    const payload = body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body));
    return dispatch(this.parts, arrivalOf(payload, change), signal);
  }

  /** Sends a body; gives the end as short text: "REJECTED SIGNATURE_MISSING". */
  async outcome(body: unknown, change: Partial<IncomingCommand> = {}): Promise<string> {
    return textOf(await this.send(body, change));
  }

  #action(name: string, action: TestAction): Action {
    const {
      commandClass,
      run,
      unsafe,
      prepare,
      endsInRestart = false,
      timeoutMs = 10_000,
      keyRole = "commands",
      uses,
      queues = false,
      awaits = () => false,
    } = action;
    const prepared: Prepared = {
      kind: "prepared",
      unsafe: () => unsafe?.(),
      run: async (signal, tell) => {
        this.acts.push(name);
        return run === undefined ? { kind: "done", result: {} } : await run(signal, tell);
      },
    };
    return {
      name,
      commandClass,
      keyRole,
      endsInRestart,
      uses: uses ?? [name],
      queues,
      awaits,
      timeoutMs,
      summary: name,
      prepare: (given) => prepare?.(given) ?? prepared,
    };
  }
}

/** An arrival of `payload` as an execution of AWS IoT Commands. */
export function arrivalOf(payload: Uint8Array, change: Partial<IncomingCommand> = {}): IncomingCommand {
  const id = change.id ?? "execution-1";
  return {
    id,
    payload,
    format: "json",
    reply: { channel: "aws", execution: id, format: "json" },
    restOfLifeMs: undefined,
    ...change,
  };
}

/** An answer as short text. */
export function textOf(answer: Answer | undefined): string {
  if (answer === undefined) return "none";
  return answer.reason === undefined ? answer.status : `${answer.status} ${answer.reason.code}`;
}

/** A request of class R0 or R1 without a signature. */
export function plain(action: string, change: Readonly<Record<string, Json>> = {}): Readonly<Record<string, Json>> {
  return { schemaVersion: 1, action, ...change };
}
