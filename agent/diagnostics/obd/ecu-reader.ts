import type { Clock } from "../../core/clock.ts";
import type { Log } from "../../core/log.ts";
import type { TesterBus } from "../tester/tester-bus.ts";
import { CodePolls, type CodeSink } from "./code-polls.ts";
import { addressText } from "./ecu.ts";
import type { KnownEcu, KnownEcus } from "./known-ecus.ts";
import { ObdClient } from "./obd-client.ts";
import type { ObdValues } from "./obd-values.ts";
import { type PollRule, pollsOf } from "./poll-plan.ts";
import { Retries } from "./retries.ts";
import { type EcuSupport, readSupport } from "./scan.ts";
import { type PollCounters, ValuePolls } from "./value-polls.ts";
import { INFO_TYPES } from "./vehicle-info.ts";

/** Between two attempts to learn what an ECU has, or its VIN. */
const READ_AGAIN = { minMs: 10_000, maxMs: 600_000 };

export type EcuReaderParts = {
  readonly tester: TesterBus;
  readonly ecus: KnownEcus;
  readonly values: ObdValues;
  readonly codes: CodeSink;
  readonly settings: EcuReaderSettings;
  readonly onVin: (vin: string) => void;
  readonly clock: Clock;
  readonly log: Log;
};

/** What is read of each ECU. */
export type EcuReaderSettings = {
  readonly rules: readonly PollRule[];
  readonly codesEveryMs: number;
  readonly freezeFrames: boolean;
};

/** How the reading of one ECU does. */
export type EcuFacts = {
  readonly name: string;
  /** Of its answers: "0x7e8". */
  readonly response: string;
  /** Whether it said in this run what it has. */
  readonly hasAnswered: boolean;
  /** PIDs that it has; undefined while that is not known. */
  readonly pids: number | undefined;
  readonly polls: PollCounters | undefined;
};

/** Reads one ECU for as long as the agent runs: what it has, its VIN and readiness once, then live data and codes. */
export class EcuReader {
  readonly #parts: EcuReaderParts;
  readonly #client: ObdClient;
  #polls: ValuePolls | undefined;
  #hasAnswered = false;

  constructor(parts: EcuReaderParts, ecu: KnownEcu) {
    this.#parts = parts;
    this.#client = new ObdClient(parts.tester, ecu, "poll");
  }

  /** Ends soon after `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { values, codes, settings, clock, log, tester } = this.#parts;
    const support = await this.#support(signal);
    if (support === undefined) return;
    const { codesEveryMs: everyMs, freezeFrames } = settings;
    const client = this.#client;
    const polls = new ValuePolls({ client, polls: pollsOf(support, settings.rules), values, clock, log });
    this.#polls = polls;
    const codePolls = new CodePolls({
      bus: tester.bus,
      client,
      codes,
      values,
      settings: { everyMs, freezeFrames },
      clock,
    });
    await Promise.all([polls.run(signal), codePolls.run(signal), this.#readVin(support, signal)]);
  }

  facts(): EcuFacts {
    const { ecu } = this.#client;
    const support = this.#parts.ecus.at(ecu)?.support;
    return {
      name: ecu.name,
      response: addressText(ecu),
      hasAnswered: this.#hasAnswered,
      pids: support?.pids.length,
      polls: this.#polls?.counters(),
    };
  }

  /** What the ECU has, however long that takes; what was known of it before where it refuses to say. Undefined when aborted. */
  async #support(signal: AbortSignal): Promise<EcuSupport | undefined> {
    const { ecus, clock, log } = this.#parts;
    const { ecu } = this.#client;
    const retries = new Retries(READ_AGAIN, clock);
    while (!signal.aborted) {
      const outcome = await readSupport(this.#client, signal);
      if (outcome.kind === "done") {
        this.#hasAnswered = true;
        if (ecus.learn(ecu, outcome.value)) {
          const { pids, packs } = outcome.value;
          log.info("obd.ecu-learned", { ecu: ecu.name, response: addressText(ecu), pids: pids.length, packs });
        }
        return outcome.value;
      }
      const known = ecus.at(ecu)?.support;
      if (outcome.kind === "negative" && known !== undefined) return known;
      await retries.wait(outcome, signal);
    }
    return undefined;
  }

  /** Once; what keeps the ECU from answering now is waited for, what it refuses is not. */
  async #readVin({ infoTypes }: EcuSupport, signal: AbortSignal): Promise<void> {
    if (!infoTypes.includes(INFO_TYPES.vin)) return;
    const retries = new Retries(READ_AGAIN, this.#parts.clock);
    while (!signal.aborted) {
      const outcome = await this.#client.vehicleInfo(INFO_TYPES.vin, signal);
      if (outcome.kind === "done" && outcome.value.kind === "vin") this.#parts.onVin(outcome.value.vin);
      if (outcome.kind === "done" || outcome.kind === "negative" || outcome.kind === "malformed") return;
      await retries.wait(outcome, signal);
    }
  }
}
