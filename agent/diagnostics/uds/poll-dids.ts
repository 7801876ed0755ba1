import type { EcuDid } from "../../../config/ecu.ts";
import type { Clock } from "../../core/clock.ts";
import { nrcOf } from "./nrc.ts";
import type { DidReading, UdsClient } from "./uds-client.ts";

/** A data identifier that the ECU refuses for good is left alone so long: it may get another program. */
const REFUSED_MS = 3_600_000;

/** What is read every so often. */
export type PollRule = { readonly dids: readonly EcuDid[]; readonly everyMs: number };

/** What polls of one ECU need. */
export type PollParts = {
  readonly client: UdsClient;
  readonly rules: readonly PollRule[];
  readonly clock: Clock;
  /** Whether anybody wants a value of it at this moment. */
  readonly isWanted: (did: EcuDid) => boolean;
  readonly take: (did: EcuDid, bytes: Uint8Array, receivedAtUs: number) => void;
  /** Told once in `REFUSED_MS` of one that the ECU refuses for good. */
  readonly onRefused: (did: EcuDid, reason: string) => void;
};

type Due = { readonly rule: PollRule; dueMs: number };

/** Reads data identifiers by their rules until `signal` aborts: what is due together is asked together, and what is late is not made up for. */
export async function pollDids(parts: PollParts, signal: AbortSignal): Promise<void> {
  const { client, clock, rules } = parts;
  if (rules.length === 0) return;
  const dues: readonly Due[] = rules.map((rule) => ({ rule, dueMs: clock.monotonicMs() }));
  const refusedUntilMs = new Map<EcuDid, number>();
  while (!signal.aborted) {
    const nowMs = clock.monotonicMs();
    const dids = takeDue(dues, nowMs).filter((did) => parts.isWanted(did) && (refusedUntilMs.get(did) ?? 0) <= nowMs);
    for (const reading of await client.readDids(dids, signal)) {
      const refused = handOver(parts, reading);
      if (refused !== undefined) refusedUntilMs.set(reading.did, nowMs + REFUSED_MS);
    }
    const nextMs = Math.min(...dues.map(({ dueMs }) => dueMs));
    await clock.sleep(Math.max(1, nextMs - clock.monotonicMs()), signal);
  }
}

function takeDue(dues: readonly Due[], nowMs: number): readonly EcuDid[] {
  const due = dues.filter(({ dueMs }) => dueMs <= nowMs);
  for (const one of due) one.dueMs = Math.max(one.dueMs + one.rule.everyMs, nowMs + 1);
  return [...new Set(due.flatMap(({ rule }) => rule.dids))];
}

/** Gives why it is refused for good. */
function handOver({ take, onRefused }: PollParts, { did, outcome }: DidReading): string | undefined {
  if (outcome.kind === "done") {
    take(did, outcome.value.bytes, outcome.value.receivedAtUs);
    return undefined;
  }
  if (outcome.kind !== "negative") return undefined;
  const { retry, name } = nrcOf(outcome.code);
  if (retry !== "never" && retry !== "access") return undefined;
  onRefused(did, name);
  return name;
}
