import type { EcuDid, EcuOutput, EcuReset, EcuRoutine } from "../../../config/ecu.ts";
import type { MakeKey } from "../../ports/key-program.ts";
import type { ActGuard } from "../ecu-acts.ts";
import {
  type CodeCount,
  type CodeRecords,
  type CodeStatusList,
  parseCodeCount,
  parseCodeList,
  parseExtendedData,
  parseSnapshotNumbers,
  parseSnapshots,
  type SnapshotNumber,
} from "./code-answers.ts";
import { bytesOfHex } from "./data-values.ts";
import { parseReadAnswer, readGroups } from "./did-answers.ts";
import type { UdsOutcome } from "./outcome.ts";
import {
  CODES,
  type Control,
  clearRequest,
  codesByStatus,
  codesRequest,
  outputRequest,
  type RoutineControl,
  readRequest,
  recordsOfCode,
  resetRequest,
  routineRequest,
  sessionNumber,
  writeRequest,
} from "./requests.ts";
import { type NeededAccess, withAccess } from "./uds-access.ts";
import type { UdsAsker } from "./uds-asker.ts";

/** Between two questions for the results of a routine. */
const RESULT_EVERY_MS = 1000;
/** What an ECU answers to them while it runs: busy, conditions not correct, request sequence error. */
const RUNNING: readonly number[] = [0x21, 0x22, 0x24];

/** Between two looks at whether an output may be held. */
const GUARD_EVERY_MS = 100;

/** One data identifier as it was read. `receivedAtUs` is µs since the Unix epoch. */
export type DidReading = {
  readonly did: EcuDid;
  readonly outcome: UdsOutcome<{ readonly bytes: Uint8Array; readonly receivedAtUs: number }>;
};

/** The services of one ECU (ISO 14229-1), each with the session and the security that the catalogue says. */
export class UdsClient {
  readonly #asker: UdsAsker;
  readonly #makeKey: MakeKey;
  /** The ECU does not take several data identifiers in one request. */
  #isSingle = false;

  constructor(asker: UdsAsker, makeKey: MakeKey) {
    this.#asker = asker;
    this.#makeKey = makeKey;
  }

  get ecu() {
    return this.#asker.ecu;
  }

  /**
   * Reads data identifiers, several with one request where their lengths are known and the ECU takes that; each comes to an end of its own.
   * Those that need a session or security are read together in one, after the others.
   */
  async readDids(dids: readonly EcuDid[], signal: AbortSignal): Promise<readonly DidReading[]> {
    const byAccess = Map.groupBy(dids, ({ session, security }) => `${sessionNumber(session)} ${security ?? ""}`);
    const plain = `${sessionNumber("default")} `;
    const readings: DidReading[] = [...(await this.#readAll(byAccess.get(plain) ?? [], signal))];
    for (const [key, group] of byAccess) {
      if (key !== plain) readings.push(...(await this.#readWithin(group, signal)));
    }
    return readings;
  }

  /** 19 01: how many codes have one of the status bits. */
  countCodes(mask: number, signal: AbortSignal): Promise<UdsOutcome<CodeCount>> {
    return this.#parsed(codesByStatus(CODES.count, mask), parseCodeCount, signal);
  }

  /** 19 02: codes with one of the status bits. */
  readCodes(mask: number, signal: AbortSignal): Promise<UdsOutcome<CodeStatusList>> {
    return this.#parsed(codesByStatus(CODES.byStatus, mask), (pdu) => parseCodeList(pdu, CODES.byStatus), signal);
  }

  /** 19 0A: every code that the ECU knows. */
  supportedCodes(signal: AbortSignal): Promise<UdsOutcome<CodeStatusList>> {
    return this.#parsed(codesRequest(CODES.supported), (pdu) => parseCodeList(pdu, CODES.supported), signal);
  }

  /** 19 03: which snapshots there are. */
  snapshotNumbers(signal: AbortSignal): Promise<UdsOutcome<readonly SnapshotNumber[]>> {
    return this.#parsed(codesRequest(CODES.snapshotNumbers), parseSnapshotNumbers, signal);
  }

  /** 19 04: all snapshots of a code, told apart by the lengths of the catalogue. */
  snapshots(code: number, signal: AbortSignal): Promise<UdsOutcome<CodeRecords>> {
    const lengths = new Map(this.ecu.dids.map(({ id, length }) => [id, length]));
    const parse = (pdu: Uint8Array) =>
      ofCode(
        parseSnapshots(pdu, (did) => lengths.get(did)),
        code,
      );
    return this.#parsed(recordsOfCode(CODES.snapshots, code), parse, signal);
  }

  /** 19 06: all extended data of a code, told apart by the lengths of the catalogue. */
  extendedData(code: number, signal: AbortSignal): Promise<UdsOutcome<CodeRecords>> {
    const records = this.ecu.troubleCodes.extendedData;
    const lengthOf = (record: number) => records.find((one) => one.record === record)?.length;
    const parse = (pdu: Uint8Array) => ofCode(parseExtendedData(pdu, lengthOf), code);
    return this.#parsed(recordsOfCode(CODES.extendedData, code), parse, signal);
  }

  /** 14: `group` as `clearRequest` says. Moves the state of the vehicle. */
  clearCodes(group: number, before: ActGuard, signal: AbortSignal): Promise<UdsOutcome<void>> {
    return this.#done(clearRequest(group), before, signal);
  }

  /** 11. The ECU is in its default session afterwards. */
  reset(reset: EcuReset, before: ActGuard, signal: AbortSignal): Promise<UdsOutcome<void>> {
    const act = () => this.#done(resetRequest(reset.kind), before, signal);
    return this.#access({ ...reset, before, endsSession: true }, act, signal);
  }

  /** 2E of a data identifier that the catalogue lets be written. `data` is all of its bytes. */
  write(did: EcuDid, data: Uint8Array, before: ActGuard, signal: AbortSignal): Promise<UdsOutcome<void>> {
    const { write, length } = did;
    if (write === undefined) return unfit(`${did.name} is not to be written`);
    if (length !== undefined && length !== data.length)
      return unfit(`${did.name} has ${length} bytes, not ${data.length}`);
    const act = () => this.#done(writeRequest(did.id, data), before, signal);
    return this.#access({ ...write, before }, act, signal);
  }

  /**
   * Starts a routine and, where the catalogue says so, asks for its results until they are there, in one session. Gives the bytes after the
   * routine's identifier. `signal` ends the wait, and stops a routine that can be stopped.
   */
  runRoutine(
    routine: EcuRoutine,
    option: Uint8Array,
    before: ActGuard,
    signal: AbortSignal,
  ): Promise<UdsOutcome<Uint8Array>> {
    const act = async (): Promise<UdsOutcome<Uint8Array>> => {
      const started = await this.#routine("start", routine, option, signal, before);
      if (started.kind !== "done" || !routine.results) return started;
      const ended = await this.#results(routine, signal);
      if (signal.aborted && routine.stop !== undefined) await this.#stop(routine);
      return ended;
    };
    return this.#access({ ...routine, before }, act, signal);
  }

  /** 2F 03 for so long, as long as `before` allows it and until `signal` aborts, and then 2F 00, which gives the output back. */
  holdOutput(
    output: EcuOutput,
    { state, holdMs }: { readonly state: Uint8Array; readonly holdMs: number },
    before: ActGuard,
    signal: AbortSignal,
  ): Promise<UdsOutcome<Uint8Array>> {
    const act = async (): Promise<UdsOutcome<Uint8Array>> => {
      const adjusted = await this.#output("adjust", output, state, signal, before);
      if (adjusted.kind === "done") await this.#hold(holdMs, before, signal);
      // Also where it is not known whether the ECU has taken it.
      if (adjusted.kind !== "negative" && adjusted.kind !== "withheld")
        await this.#output("return", output, state, new AbortController().signal);
      return adjusted;
    };
    return this.#access({ ...output, before }, act, signal);
  }

  async #hold(holdMs: number, before: ActGuard, signal: AbortSignal): Promise<void> {
    const { clock } = this.#asker;
    const endMs = clock.monotonicMs() + holdMs;
    while (!signal.aborted && before() === undefined) {
      const leftMs = endMs - clock.monotonicMs();
      if (leftMs <= 0) return;
      await clock.sleep(Math.min(GUARD_EVERY_MS, leftMs), signal);
    }
  }

  async #readAll(dids: readonly EcuDid[], signal: AbortSignal): Promise<readonly DidReading[]> {
    const readings: DidReading[] = [];
    const groups = this.#isSingle ? dids.map((did) => [did]) : readGroups(dids);
    for (const group of groups) readings.push(...(await this.#readGroup(group, signal)));
    return readings;
  }

  async #readWithin(dids: readonly EcuDid[], signal: AbortSignal): Promise<readonly DidReading[]> {
    const [{ session, security }] = dids;
    const act = async (): Promise<UdsOutcome<readonly DidReading[]>> => ({
      kind: "done",
      value: await this.#readAll(dids, signal),
    });
    const outcome = await this.#access({ session, security, before: () => undefined }, act, signal);
    return outcome.kind === "done" ? outcome.value : dids.map((did) => ({ did, outcome }));
  }

  async #readGroup(group: readonly EcuDid[], signal: AbortSignal): Promise<readonly DidReading[]> {
    const outcome = await this.#asker.ask(readRequest(group.map(({ id }) => id)), signal);
    if (outcome.kind !== "done") {
      if (group.length === 1 || outcome.kind !== "negative") return group.map((did) => ({ did, outcome }));
      return await this.#readAlone(group, signal);
    }
    const { pdu, receivedAtUs } = outcome.value;
    const data = parseReadAnswer(pdu, group);
    // Somewhere a length is not as the catalogue says: alone only that one is lost.
    if (data === undefined && group.length > 1) return await this.#readAlone(group, signal);
    return group.map((did) => {
      const found = data?.find(({ id }) => id === did.id);
      if (found !== undefined) return { did, outcome: { kind: "done", value: { bytes: found.bytes, receivedAtUs } } };
      const problem = data === undefined ? `answered ${did.name} with data of another length` : `left ${did.name} out`;
      return { did, outcome: { kind: "unfit", problem } };
    });
  }

  /** One that is not supported refuses the whole of a request; when that was none of them, it is the number that the ECU does not take. */
  async #readAlone(group: readonly EcuDid[], signal: AbortSignal): Promise<readonly DidReading[]> {
    const readings: DidReading[] = [];
    for (const did of group) readings.push(...(await this.#readGroup([did], signal)));
    if (readings.every(({ outcome }) => outcome.kind === "done")) this.#isSingle = true;
    return readings;
  }

  async #parsed<T>(
    request: Uint8Array,
    parse: (pdu: Uint8Array) => T | undefined,
    signal: AbortSignal,
    before?: ActGuard,
  ): Promise<UdsOutcome<T>> {
    const outcome = await this.#asker.ask(request, signal, before);
    if (outcome.kind !== "done") return outcome;
    const value = parse(outcome.value.pdu);
    if (value === undefined) return { kind: "unfit", problem: "gave an answer that cannot be read" };
    return { kind: "done", value };
  }

  async #done(request: Uint8Array, before: ActGuard, signal: AbortSignal): Promise<UdsOutcome<void>> {
    const outcome = await this.#asker.ask(request, signal, before);
    return outcome.kind === "done" ? { kind: "done", value: undefined } : outcome;
  }

  #access<T>(access: NeededAccess, act: () => Promise<UdsOutcome<T>>, signal: AbortSignal): Promise<UdsOutcome<T>> {
    return withAccess(this.#asker, access, this.#makeKey, act, signal);
  }

  #routine(
    control: RoutineControl,
    { id }: EcuRoutine,
    option: Uint8Array,
    signal: AbortSignal,
    before?: ActGuard,
  ): Promise<UdsOutcome<Uint8Array>> {
    return this.#parsed(routineRequest(control, id, option), (pdu) => pdu.slice(4), signal, before);
  }

  /** An ECU says that it is busy, or that this is not the sequence, while a routine runs. */
  async #results(routine: EcuRoutine, signal: AbortSignal): Promise<UdsOutcome<Uint8Array>> {
    const { clock } = this.#asker;
    const endMs = clock.monotonicMs() + routine.longestMs;
    for (;;) {
      await clock.sleep(Math.min(RESULT_EVERY_MS, Math.max(0, endMs - clock.monotonicMs())), signal);
      const outcome = await this.#routine("results", routine, new Uint8Array(), signal);
      const isRunning = outcome.kind === "negative" && RUNNING.includes(outcome.code);
      if (!isRunning || clock.monotonicMs() >= endMs || signal.aborted) return outcome;
    }
  }

  async #stop(routine: EcuRoutine): Promise<void> {
    const bytes = bytesOfHex(routine.stop?.bytes ?? "");
    await this.#routine("stop", routine, bytes, new AbortController().signal);
  }

  #output(
    control: Control,
    { id, mask }: EcuOutput,
    state: Uint8Array,
    signal: AbortSignal,
    before?: ActGuard,
  ): Promise<UdsOutcome<Uint8Array>> {
    const request = outputRequest(id, control, state, bytesOfHex(mask));
    return this.#parsed(request, (pdu) => pdu.slice(4), signal, before);
  }
}

function unfit<T>(problem: string): Promise<UdsOutcome<T>> {
  return Promise.resolve({ kind: "unfit", problem });
}

function ofCode(records: CodeRecords | undefined, code: number): CodeRecords | undefined {
  return records?.raw === code ? records : undefined;
}
