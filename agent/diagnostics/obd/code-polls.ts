import type { Clock } from "../../core/clock.ts";
import type { FreezeValue, Lamps } from "../../telemetry/record/encode/trouble-code.ts";
import type { CodeTracker } from "../codes/code-tracker.ts";
import { type CodeReading, dtcOf2Bytes, type SeenCode } from "../codes/trouble-code.ts";
import { CODE_KINDS, type CodeKind } from "./code-answers.ts";
import { FREEZE_CODE_PID } from "./freeze-frame.ts";
import type { ObdClient } from "./obd-client.ts";
import type { ObdValues } from "./obd-values.ts";
import { type FailedOutcome, outcomeText } from "./outcome-text.ts";
import { pidOf } from "./pid-table.ts";
import { type PidValue, valuesOf } from "./pid-values.ts";
import { isRefusedForGood } from "./refusal.ts";

/** State of the malfunction lamp, number of codes, readiness. */
const STATUS_PID = 0x01;

/** What readings of codes are told to. */
export type CodeSink = Pick<CodeTracker, "take" | "wantsFreeze" | "noteClear">;

export type CodePollParts = {
  readonly bus: string;
  readonly client: ObdClient;
  readonly codes: CodeSink;
  readonly values: ObdValues;
  readonly settings: { readonly everyMs: number; readonly freezeFrames: boolean };
  readonly clock: Clock;
};

/**
 * The trouble codes of one ECU: confirmed, pending and permanent ones at an interval, and the status with its lamp and readiness before
 * them. A kind that the ECU refuses for good is not asked for again; one that gave no whole answer is left out of the reading, and changes nothing.
 */
export class CodePolls {
  readonly #parts: CodePollParts;
  #kinds: readonly CodeKind[] = CODE_KINDS;

  constructor(parts: CodePollParts) {
    this.#parts = parts;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#parts;
    while (!signal.aborted) {
      await this.read(signal);
      await clock.sleep(settings.everyMs, signal);
    }
  }

  /** Reads once. Gives what was in the way where no codes could be read at all, as the end of a sentence that begins with the ECU. */
  async read(signal: AbortSignal): Promise<string | undefined> {
    const { bus, client, codes, clock } = this.#parts;
    const origin = { bus, ecu: client.ecu.name, protocol: "obd" as const };
    const lamps = await this.#status(signal);
    const lists: { readonly kind: CodeKind; readonly raws: readonly number[] }[] = [];
    let problem = "has no service for trouble codes";
    for (const kind of this.#kinds) {
      const outcome = await client.codes(kind, signal);
      if (outcome.kind === "done") {
        lists.push({ kind, raws: outcome.value.codes });
        continue;
      }
      problem = outcomeText(outcome);
      if (!this.#goesOnAfter(kind, outcome)) break;
    }
    if (lists.length === 0) return problem;
    const raws = [...new Set(lists.flatMap((list) => list.raws))];
    const frozen = await this.#frozen(codes.wantsFreeze(origin, raws.map(dtcOf2Bytes)), signal);
    const timeUs = clock.wallUs();
    codes.take(
      lists.map(({ kind, raws: own }): CodeReading => {
        const seen = own.map((raw): SeenCode => ({ code: dtcOf2Bytes(raw), raw, freeze: frozen.get(raw) }));
        return { origin, list: kind, codes: seen, lamps: kind === "confirmed" ? lamps : undefined, timeUs };
      }),
    );
    return undefined;
  }

  /** Whether there is any use in asking for the next kind. */
  #goesOnAfter(kind: CodeKind, outcome: FailedOutcome): boolean {
    if (outcome.kind === "negative" && isRefusedForGood(outcome.code)) {
      this.#kinds = this.#kinds.filter((other) => other !== kind);
    }
    return outcome.kind !== "withheld";
  }

  async #status(signal: AbortSignal): Promise<Lamps | undefined> {
    const { client, values } = this.#parts;
    const outcome = await client.currentData([STATUS_PID], signal);
    if (outcome.kind !== "done") return undefined;
    const [status] = outcome.value.values;
    values.take(client.ecu.name, status, outcome.receivedAtUs);
    return (status.data[0] & 0x80) === 0 ? { malfunction: "off" } : { malfunction: "on" };
  }

  /** The freeze frame, by the code that it was stored for; none where that is not one of `wanted`. */
  async #frozen(wanted: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<number, readonly FreezeValue[]>> {
    const { client, settings } = this.#parts;
    if (!settings.freezeFrames || wanted.length === 0) return new Map();
    const cause = await client.freezeFrame(FREEZE_CODE_PID, signal);
    if (cause.kind !== "done") return new Map();
    const [high, low] = cause.value.data;
    const raw = high * 256 + low;
    if (!wanted.includes(dtcOf2Bytes(raw))) return new Map();
    return new Map([[raw, await readFreezeFrame(client, signal)]]);
  }
}

/** Every value of the freeze frame that can be read; a PID that is not known as its bytes, hexadecimal. */
export async function readFreezeFrame(client: ObdClient, signal: AbortSignal): Promise<readonly FreezeValue[]> {
  const pids = await client.frozenPids(signal);
  if (pids.kind !== "done") return [];
  const frozen: FreezeValue[] = [];
  for (const pid of pids.value.filter((one) => one !== FREEZE_CODE_PID)) {
    const outcome = await client.freezeFrame(pid, signal);
    if (outcome.kind === "withheld") break;
    if (outcome.kind !== "done") continue;
    const { data } = outcome.value;
    if (pidOf(pid) !== undefined) frozen.push(...valuesOf(pid, data).map(asFrozen));
    else frozen.push({ name: `pid_${pid.toString(16).padStart(2, "0")}`, value: Buffer.from(data).toString("hex") });
  }
  return frozen;
}

function asFrozen({ name, value, unit, text }: PidValue): FreezeValue {
  return { name, value: text ?? value, unit: unit === "" ? undefined : unit };
}
