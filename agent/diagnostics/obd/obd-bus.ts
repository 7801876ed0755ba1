import { addressText, type ObdAddress, type ObdAddressing, type ObdEcu } from "./ecu.ts";
import { type EcuFacts, EcuReader, type EcuReaderParts } from "./ecu-reader.ts";
import type { KnownEcu } from "./known-ecus.ts";
import { Retries } from "./retries.ts";
import { findEcus } from "./scan.ts";

/** Between two attempts to find ECUs while nobody answers. */
const LOOK_AGAIN = { minMs: 30_000, maxMs: 600_000 };
/** Some ECUs wake later than others: so long after the first ones answered they are asked once more. */
const SECOND_LOOK_MS = 60_000;

export type ObdBusParts = {
  readonly reader: EcuReaderParts;
  readonly addressing: ObdAddressing;
  /** Whether the configuration names the ECUs: then nobody else is looked for. */
  readonly isNamed: boolean;
  /** An ECU is read from now on. */
  readonly onReading: (ecu: ObdEcu) => void;
  /** An ECU has answered for the first time, or has no name here. */
  readonly onEcu: (event: "obd.ecu-found" | "obd.ecu-nameless", response: string, name: string | undefined) => void;
};

/** OBD-II on one bus: finds the ECUs that answer, and reads each of them for as long as it runs. */
export class ObdBus {
  readonly #parts: ObdBusParts;
  readonly #readers = new Map<string, EcuReader>();
  /** Those that were told, of the few ids that ECUs may answer with. */
  readonly #nameless = new Set<string>();
  readonly #running: Promise<void>[] = [];
  readonly #broken = Promise.withResolvers<never>();
  #signal: AbortSignal | undefined;

  constructor(parts: ObdBusParts) {
    this.#parts = parts;
    // A bug in a reader comes out of `run`.
    this.#broken.promise.catch(() => undefined);
  }

  /** Resolves after `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    this.#signal = signal;
    const { isNamed, reader } = this.#parts;
    for (const ecu of reader.ecus.list()) this.#read(ecu);
    await Promise.race([isNamed ? Promise.all(this.#running) : this.#look(signal), this.#broken.promise]);
    await Promise.all(this.#running);
  }

  /** Takes ECUs that answered, be it to this agent or to another tester. */
  meet(found: readonly ObdAddress[]): void {
    const { reader, onEcu } = this.#parts;
    const { fresh, nameless } = reader.ecus.meet(found);
    for (const address of nameless.map(addressText)) {
      if (this.#nameless.has(address)) continue;
      this.#nameless.add(address);
      onEcu("obd.ecu-nameless", address, undefined);
    }
    for (const ecu of fresh) {
      onEcu("obd.ecu-found", addressText(ecu), ecu.name);
      this.#read(ecu);
    }
  }

  facts(): readonly EcuFacts[] {
    return [...this.#readers.values()].map((reader) => reader.facts());
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { reader, addressing } = this.#parts;
    const { tester, clock } = reader;
    const retries = new Retries(LOOK_AGAIN, clock);
    let looks = 0;
    while (!signal.aborted && looks < 2) {
      const found = await findEcus(tester, addressing, "poll", signal);
      if (found.kind === "found" && found.ecus.length > 0) {
        this.meet(found.ecus);
        looks += 1;
        await clock.sleep(SECOND_LOOK_MS, signal);
        continue;
      }
      await retries.wait(found, signal);
    }
  }

  #read(ecu: KnownEcu): void {
    const signal = this.#signal;
    if (signal === undefined || this.#readers.has(ecu.name)) return;
    const reader = new EcuReader(this.#parts.reader, ecu);
    this.#readers.set(ecu.name, reader);
    this.#parts.onReading(ecu);
    this.#running.push(reader.run(signal).catch((thrown: unknown) => this.#broken.reject(thrown)));
  }
}
