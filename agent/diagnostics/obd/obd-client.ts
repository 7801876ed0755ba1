import type { AgentError } from "../../core/errors.ts";
import type { Ask, Reply, TesterBus, Who, WithheldReason } from "../tester/tester-bus.ts";
import { clearRequest, parseCleared } from "./clear-codes.ts";
import { type CodeAnswer, type CodeKind, codesRequest, parseCodes } from "./code-answers.ts";
import { type CurrentData, currentDataRequest, parseCurrentData } from "./current-data.ts";
import { type ObdEcu, requestIdOf } from "./ecu.ts";
import { type FreezeData, freezeRequest, parseFreeze } from "./freeze-frame.ts";
import { isMalformed, type Malformed, malformed } from "./malformed.ts";
import { MONITOR_RESULTS_ANSWER, monitorRequest, parseTests, type TestResult } from "./monitor-results.ts";
import { isBitmap, parseSupported } from "./supported-bits.ts";
import { parseVehicleInfo, type VehicleInfo, vehicleInfoRequest } from "./vehicle-info.ts";

/** Bitmaps of a service: 00, 20 .. E0. */
const MOST_BITMAPS = 8;

/** What became of a request; what an ECU cannot do it says with "negative", or not at all. */
export type ObdOutcome<T> =
  | { readonly kind: "done"; readonly value: T; readonly receivedAtUs: number }
  | { readonly kind: "negative"; readonly code: number }
  | { readonly kind: "silent"; readonly waitedMs: number }
  | { readonly kind: "withheld"; readonly reason: WithheldReason; readonly what: string }
  | { readonly kind: "fault"; readonly fault: AgentError }
  /** The answer is not as SAE J1979 says. */
  | Malformed;

/** The services of OBD-II (SAE J1979) on one ECU, one request each unless it says otherwise. */
export class ObdClient {
  readonly ecu: ObdEcu;
  readonly #tester: TesterBus;
  readonly #who: Who;

  constructor(tester: TesterBus, ecu: ObdEcu, who: Who) {
    this.ecu = ecu;
    this.#tester = tester;
    this.#who = who;
  }

  /** Service 01, up to `MOST_PIDS` PIDs; the answer has them or some of them, in any order. */
  async currentData(pids: readonly number[], signal: AbortSignal): Promise<ObdOutcome<CurrentData>> {
    const asked = new Set(pids);
    const repeats = pids.length === 1 ? 1 : 0;
    return parsed(await this.#ask(currentDataRequest(pids), signal, repeats), (pdu) => parseCurrentData(pdu, asked));
  }

  /** All PIDs of service 01 that the ECU says it has, without those of bitmaps: one request for each bitmap. */
  async supportedPids(signal: AbortSignal): Promise<ObdOutcome<readonly number[]>> {
    return await this.#bitmaps(async (base) => {
      const outcome = await this.currentData([base], signal);
      return outcome.kind === "done" ? { ...outcome, value: outcome.value.values[0].data } : outcome;
    });
  }

  /** As `supportedPids`, of a freeze frame (service 02). */
  async frozenPids(signal: AbortSignal): Promise<ObdOutcome<readonly number[]>> {
    return await this.#bitmaps(async (base) => {
      const outcome = await this.freezeFrame(base, signal);
      return outcome.kind === "done" ? { ...outcome, value: outcome.value.data } : outcome;
    });
  }

  /** As `supportedPids`, kinds of vehicle information (service 09). */
  async infoTypes(signal: AbortSignal): Promise<ObdOutcome<readonly number[]>> {
    return await this.#bitmaps(async (base) => {
      const outcome = await this.vehicleInfo(base, signal);
      if (outcome.kind !== "done") return outcome;
      if (outcome.value.kind === "supported") return { ...outcome, value: outcome.value.data };
      return { kind: "malformed", problem: "it has no bitmap of vehicle information" };
    });
  }

  /** As `supportedPids`, monitors that have test results (service 06). */
  async monitors(signal: AbortSignal): Promise<ObdOutcome<readonly number[]>> {
    return await this.#bitmaps(async (base) => {
      const outcome = parsed(await this.#ask(monitorRequest(base), signal, 1), monitorBits);
      return outcome.kind === "done" ? { ...outcome, value: outcome.value.bits } : outcome;
    });
  }

  /** Test results of one monitor (service 06). */
  async testResults(monitor: number, signal: AbortSignal): Promise<ObdOutcome<readonly TestResult[]>> {
    const outcome = parsed(await this.#ask(monitorRequest(monitor), signal, 1), parseTests);
    return outcome.kind === "done" ? { ...outcome, value: outcome.value.tests } : outcome;
  }

  /** One PID of the first freeze frame (service 02). */
  async freezeFrame(pid: number, signal: AbortSignal): Promise<ObdOutcome<FreezeData>> {
    return parsed(await this.#ask(freezeRequest(pid), signal, 1), (pdu) => parseFreeze(pdu, pid));
  }

  /** Codes of one kind (service 03, 07 or 0A). */
  async codes(kind: CodeKind, signal: AbortSignal): Promise<ObdOutcome<CodeAnswer>> {
    return parsed(await this.#ask(codesRequest(kind), signal, 0), parseCodes);
  }

  /** One kind of vehicle information (service 09). */
  async vehicleInfo(type: number, signal: AbortSignal): Promise<ObdOutcome<VehicleInfo>> {
    return parsed(await this.#ask(vehicleInfoRequest(type), signal, 1), (pdu) => parseVehicleInfo(pdu, type));
  }

  /**
   * Clears codes, freeze frames and readiness (service 04). An ECU that may not now says so with "negative" (0x22). `before` is asked right
   * before the request goes out: a text keeps it from that.
   */
  async clearCodes(signal: AbortSignal, before?: () => string | undefined): Promise<ObdOutcome<undefined>> {
    const outcome = parsed(await this.#ask(clearRequest(), signal, 0, before), parseCleared);
    return outcome.kind === "done" ? { ...outcome, value: undefined } : outcome;
  }

  async #bitmaps(ask: (base: number) => Promise<ObdOutcome<Uint8Array>>): Promise<ObdOutcome<readonly number[]>> {
    const ids: number[] = [];
    let next: number | undefined = 0;
    let receivedAtUs = 0;
    for (let asked = 0; next !== undefined && asked < MOST_BITMAPS; asked++) {
      const outcome: ObdOutcome<Uint8Array> = await ask(next);
      // What the first one told is not lost when a further one fails: some ECUs announce bitmaps that they do not have.
      if (outcome.kind !== "done") return ids.length === 0 ? outcome : { kind: "done", value: ids, receivedAtUs };
      const bits = parseSupported(next, outcome.value);
      if (bits.kind === "malformed") return bits;
      ids.push(...bits.ids.filter((id) => !isBitmap(id)));
      ({ receivedAtUs } = outcome);
      next = bits.next;
    }
    return { kind: "done", value: ids, receivedAtUs };
  }

  async #ask(pdu: Uint8Array, signal: AbortSignal, repeats: number, before?: () => string | undefined): Promise<Reply> {
    const { name, response, extended } = this.ecu;
    const address = { txId: requestIdOf(this.ecu), rxId: response, extended };
    const ask: Ask = { ecu: { name, address }, pdu, who: this.#who, repeats, before };
    return await this.#tester.ask(ask, signal);
  }
}

/** A bitmap of monitors: `46 MID bits`, unlike the results of tests. */
function monitorBits(pdu: Uint8Array): { readonly kind: "bits"; readonly bits: Uint8Array } | Malformed {
  return pdu[0] === MONITOR_RESULTS_ANSWER
    ? { kind: "bits", bits: pdu.slice(2) }
    : malformed("it is no answer to service 0x06");
}

/** A reply with its PDU as `parse` reads it. */
function parsed<T extends { readonly kind: string }>(
  reply: Reply,
  parse: (pdu: Uint8Array) => T | Malformed,
): ObdOutcome<T> {
  switch (reply.kind) {
    case "answer": {
      const value = parse(reply.pdu);
      return isMalformed(value) ? value : { kind: "done", value, receivedAtUs: reply.receivedAtUs };
    }
    case "negative":
      return { kind: "negative", code: reply.code };
    case "silent":
      return { kind: "silent", waitedMs: reply.waitedMs };
    case "fault":
    case "withheld":
      return reply;
  }
}
