import type { EcuAccess } from "../../../config/ecu.ts";
import type { MakeKey } from "../../ports/key-program.ts";
import type { ActGuard } from "../ecu-acts.ts";
import type { UdsFailure, UdsOutcome } from "./outcome.ts";
import { keyRequest, seedRequest, sessionNumber, sessionRequest, testerPresent } from "./requests.ts";
import type { UdsAsker } from "./uds-asker.ts";

/** An ECU leaves a session that it hears nothing in after 5 s (S3, ISO 14229-2). */
const KEEP_MS = 2000;
/** P2* of an ECU counts in these. */
const P2_STAR_UNIT_MS = 10;

/** What an act needs of an ECU; see the catalogue. */
export type NeededAccess = Pick<EcuAccess, "session" | "security"> & {
  /** The ECU is in its default session after it, and cannot be asked for a while. */
  readonly endsSession?: boolean;
  /** Asked before anything of it is sent: why the act must not be. */
  readonly before: ActGuard;
};

/**
 * Does `act` in the session and with the security that it needs: opens both, keeps the session while it lasts, and goes back to the default
 * session at the end, also where `signal` aborts. One after the other for one ECU.
 */
export async function withAccess<T>(
  asker: UdsAsker,
  access: NeededAccess,
  makeKey: MakeKey,
  act: () => Promise<UdsOutcome<T>>,
  signal: AbortSignal,
): Promise<UdsOutcome<T>> {
  if (sessionNumber(access.session) === 1 && access.security === undefined) return await act();
  return await asker.turns.take(() => withinSession(asker, access, makeKey, act, signal));
}

async function withinSession<T>(
  asker: UdsAsker,
  access: NeededAccess,
  makeKey: MakeKey,
  act: () => Promise<UdsOutcome<T>>,
  signal: AbortSignal,
): Promise<UdsOutcome<T>> {
  const refused = await openSession(asker, access, signal);
  if (refused !== undefined) return refused;
  const ended = new AbortController();
  const stop = keepSession(asker, ended.signal);
  let hasEnded = false;
  try {
    const locked =
      access.security === undefined
        ? undefined
        : await unlock(asker, { level: access.security, before: access.before, makeKey }, signal);
    const outcome = locked ?? (await act());
    hasEnded = access.endsSession === true && outcome.kind === "done";
    return outcome;
  } finally {
    stop();
    ended.abort();
    if (hasEnded) asker.setTiming(undefined);
    else await leaveSession(asker);
  }
}

async function openSession(
  asker: UdsAsker,
  access: NeededAccess,
  signal: AbortSignal,
): Promise<UdsFailure | undefined> {
  const outcome = await asker.ask(sessionRequest(access.session), signal, access.before);
  if (outcome.kind !== "done") return outcome;
  asker.setTiming(timingOf(outcome.value.pdu));
  return undefined;
}

/** 50 session P2(2, ms) P2*(2, 10 ms); older ECUs say nothing of their timing. */
function timingOf(pdu: Uint8Array): { readonly p2Ms: number; readonly p2StarMs: number } | undefined {
  if (pdu.length < 6) return undefined;
  return { p2Ms: (pdu[2] << 8) | pdu[3], p2StarMs: ((pdu[4] << 8) | pdu[5]) * P2_STAR_UNIT_MS };
}

function keepSession(asker: UdsAsker, signal: AbortSignal): () => void {
  let isUnderWay = false;
  return asker.clock.every(KEEP_MS, () => {
    if (isUnderWay) return;
    isUnderWay = true;
    void asker.tell(testerPresent(), signal).then(() => {
      isUnderWay = false;
    });
  });
}

/** What does not come through is left to the ECU, which leaves the session by itself. */
async function leaveSession(asker: UdsAsker): Promise<void> {
  await asker.ask(sessionRequest("default"), new AbortController().signal);
  asker.setTiming(undefined);
}

/** Opens a security level; undefined when it is open. A key is tried once: ECUs lock up after some wrong ones. */
async function unlock(
  asker: UdsAsker,
  { level, before, makeKey }: { readonly level: number; readonly before: ActGuard; readonly makeKey: MakeKey },
  signal: AbortSignal,
): Promise<UdsFailure | undefined> {
  const program = asker.ecu.security.find((one) => one.level === level);
  if (program === undefined) return { kind: "unfit", problem: `security level ${level} is not in the catalogue` };
  const asked = await asker.ask(seedRequest(level), signal, before);
  if (asked.kind !== "done") return asked;
  const seed = asked.value.pdu.subarray(2);
  if (seed.length === 0) return { kind: "unfit", problem: `gave no seed for security level ${level}` };
  // ISO 14229-1, 10.4: it is open already.
  if (seed.every((byte) => byte === 0)) return undefined;
  const made = await makeKey(program, seed, signal);
  if (made.kind === "failed") return { kind: "unfit", problem: `security level ${level}: ${made.problem}` };
  const opened = await asker.ask(keyRequest(level, made.key), signal, before);
  return opened.kind === "done" ? undefined : opened;
}
