import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import { userTag } from "../people/user-tag.ts";
import type { CommandRoad, RoadOutcome } from "../road/command-road.ts";
import type { AnswerStore } from "../store/answers.ts";
import { keyOf, type RowStore } from "../store/row-store.ts";
import type { VehicleFacts } from "../vehicle/vehicle-facts.ts";
import { type CommandOf, type CommandRow, commandIdOf, commandKey, commandRow, rowText } from "./command-row.ts";
import { ACTIONS, type ActionName, ASLEEP, type FinalAnswer, finalOf, NO_ANSWER, NOT_SENT } from "./final-answer.ts";
import { type CommandSigner, signedRequest } from "./signer.ts";

/** How long a vehicle may act on a command, ms. Somebody stands beside it: what comes later is a surprise. */
export const COMMAND_LIFE_MS = 30_000;
/** How far the clock of a vehicle may be behind ours, ms. */
const CLOCK_BEHIND_MS = 5000;
/** An answer is waited for so long after the end of a command's life, ms: the vehicle may act in its last moment. */
const ANSWER_GRACE_MS = 10_000;
/** Commands are kept so long, ms. A key stands for the same command no longer. */
const KEPT_MS = 7 * 86_400_000;

export type CommandBookParts = {
  readonly rows: RowStore;
  readonly answers: AnswerStore;
  readonly facts: Pick<VehicleFacts, "presence">;
  readonly signer: CommandSigner;
  readonly road: CommandRoad;
  readonly clock: Pick<Clock, "wallUs">;
  readonly log: Log;
};

/** How far a command is. */
export type CommandState = {
  readonly id: string;
  readonly action: ActionName;
  readonly sentAtMs: number;
  readonly status: "sent" | "in-progress" | "ended";
  readonly final?: FinalAnswer;
  /** What the vehicle said after all, when the final answer had already been that it did not. */
  readonly late?: FinalAnswer;
};

/**
 * The commands of people. A key of theirs stands for one command, however often it comes and whichever backend takes it; the vehicle's
 * ledger, which acts on an id once, has the last word. The final answer is the first one that is written down, and stays.
 */
export class CommandBook {
  readonly #parts: CommandBookParts;

  constructor(parts: CommandBookParts) {
    this.#parts = parts;
  }

  /** Sends a command, or sends the same one again where `key` is known and nothing is known of its end. "key-reused": the key stands for another action. */
  async begin(of: CommandOf, action: ActionName, key: string): Promise<CommandState | "key-reused"> {
    const id = commandIdOf(of, key);
    const known = await this.#read(of, id);
    if (known !== undefined) return await this.#again(of, id, known, action);
    const row = await this.#newRow(of, id, action);
    const nowMs = this.#nowMs();
    const life = { nowMs, expiresAtMs: nowMs + KEPT_MS };
    if (!(await this.#parts.rows.putNew(commandKey(of, id), rowText(row), life))) {
      // Another backend, or a second click, was faster.
      const other = await this.#read(of, id);
      if (other === undefined) throw new Error("a command that was there is gone");
      return await this.#again(of, id, other, action);
    }
    const outcome = await this.#send(of, id, row);
    return await this.#stateOf(of, id, outcome === "not-sent" ? await this.#end(of, id, row, NOT_SENT) : row);
  }

  /** How far a command is; undefined for one that this user has not given this thing. */
  async look(of: CommandOf, id: string): Promise<CommandState | undefined> {
    const row = await this.#read(of, id);
    return row === undefined ? undefined : await this.#stateOf(of, id, row);
  }

  async #again(of: CommandOf, id: string, row: CommandRow, action: ActionName): Promise<CommandState | "key-reused"> {
    if (row.action !== action) return "key-reused";
    const state = await this.#stateOf(of, id, row);
    // It may have been lost on its way. That this one is not sent says nothing of the first.
    if (state.status === "sent") await this.#send(of, id, row);
    return state;
  }

  async #newRow(of: CommandOf, id: string, action: ActionName): Promise<CommandRow> {
    const { facts, signer } = this.#parts;
    const presence = await facts.presence(of.thing);
    const sentAtMs = this.#nowMs();
    const expiresAtMs = sentAtMs + COMMAND_LIFE_MS;
    if (presence?.state === "asleep") return { action, sentAtMs, expiresAtMs, final: ASLEEP };
    const fields = {
      id,
      thing: of.thing,
      action: ACTIONS[action],
      arguments: {},
      notBeforeMs: sentAtMs - CLOCK_BEHIND_MS,
      expiresAtMs,
      counter: await this.#nextCounter(of.thing, sentAtMs),
    };
    return { action, sentAtMs, expiresAtMs, payload: await signedRequest(fields, signer) };
  }

  /** Begins at the time, so that a table that was lost never gives a number again that a vehicle has seen. */
  async #nextCounter(thing: string, nowMs: number): Promise<number> {
    const { rows, signer } = this.#parts;
    const life = { nowMs, expiresAtMs: undefined };
    return await rows.next(keyOf(["counter", signer.keyId], [thing]), nowMs, life);
  }

  async #send({ thing }: CommandOf, id: string, { payload, expiresAtMs }: CommandRow): Promise<RoadOutcome> {
    const expirySeconds = Math.ceil((expiresAtMs - this.#nowMs()) / 1000);
    if (payload === undefined || expirySeconds <= 0) return "unknown";
    return await this.#parts.road.send({ thing, id, payload, expirySeconds });
  }

  async #stateOf(of: CommandOf, id: string, row: CommandRow): Promise<CommandState> {
    const { action, sentAtMs } = row;
    const said = row.payload === undefined ? [] : await this.#parts.answers.read(of.thing, id);
    const finals = said.flatMap((answer) => finalOf(action, answer) ?? []);
    const isOver = this.#nowMs() > row.expiresAtMs + ANSWER_GRACE_MS;
    const end = finals[0] ?? (isOver ? NO_ANSWER : undefined);
    const { final } = row.final !== undefined || end === undefined ? row : await this.#end(of, id, row, end);
    if (final === undefined) return { id, action, sentAtMs, status: said.length > 0 ? "in-progress" : "sent" };
    const wasSilent = final.kind === "no-answer" || final.kind === "not-sent";
    const late = wasSilent && finals[0] !== undefined ? { late: finals[0] } : {};
    return { id, action, sentAtMs, status: "ended", final, ...late };
  }

  /** Writes the final answer down, unless there is one: gives the row as it is then. */
  async #end(of: CommandOf, id: string, row: CommandRow, final: FinalAnswer): Promise<CommandRow> {
    const ended = { ...row, final };
    const isWritten = await this.#parts.rows.replace(commandKey(of, id), rowText(row), rowText(ended));
    if (!isWritten) return (await this.#read(of, id)) ?? ended;
    const facts = { user: userTag(of.user), command: id, action: row.action, end: final.kind, code: final.code };
    this.#parts.log.info("companion.command-ended", facts);
    return ended;
  }

  async #read(of: CommandOf, id: string): Promise<CommandRow | undefined> {
    const text = await this.#parts.rows.get(commandKey(of, id), this.#nowMs());
    return text === undefined ? undefined : commandRow.parse(JSON.parse(text));
  }

  #nowMs(): number {
    return Math.floor(this.#parts.clock.wallUs() / 1000);
  }
}
