import { z } from "zod";
import { isSameAddress, type ObdAddress, type ObdEcu } from "./ecu.ts";
import { nameEcus } from "./ecu-names.ts";
import type { EcuSpace } from "./ecu-space.ts";
import type { EcuSupport } from "./scan.ts";

/** More than any vehicle has; see `ECU_NAMES`. */
const MOST_ECUS = 32;
const identifiers = z.array(z.int().min(0).max(255)).max(256);

/** What the journal holds of the ECUs of one bus. */
const knownEcus = z.object({
  ecus: z
    .array(
      z.object({
        name: z.string().min(1).max(32),
        response: z.int().min(0).max(0x1fff_ffff),
        extended: z.boolean(),
        /** Absent while nobody has asked it. */
        support: z.object({ pids: identifiers, infoTypes: identifiers, packs: z.boolean() }).optional(),
      }),
    )
    .max(MOST_ECUS),
});

/** An ECU that has been met, and what it has as far as that is known. */
export type KnownEcu = ObdEcu & { readonly support?: EcuSupport | undefined };

export type KnownEcusParts = {
  readonly bus: string;
  /** Those of the configuration; without them the ones that answer are named. */
  readonly configured: readonly ObdEcu[] | undefined;
  readonly space: EcuSpace;
};

/** The ECUs of OBD-II on one bus, as the configuration names them or as they were found; kept over restarts. */
export class KnownEcus {
  readonly #parts: KnownEcusParts;
  #ecus: readonly KnownEcu[];

  /** What the journal holds and cannot be read counts for nothing. */
  constructor(parts: KnownEcusParts) {
    this.#parts = parts;
    const kept = knownEcus.safeParse(parts.space.get(keyOf(parts.bus)));
    const met = kept.success ? kept.data.ecus : [];
    this.#ecus = parts.configured?.map((ecu) => ({ ...ecu, support: supportIn(met, ecu) })) ?? met;
  }

  list(): readonly KnownEcu[] {
    return this.#ecus;
  }

  /** The ECU whose answers have this address; undefined where it is not known. */
  at(address: ObdAddress): KnownEcu | undefined {
    return this.#ecus.find((ecu) => isSameAddress(ecu, address));
  }

  /** Names ECUs that answered, where the configuration does not. Gives those that are new, and those that no name is left for. */
  meet(found: readonly ObdAddress[]): {
    readonly fresh: readonly KnownEcu[];
    readonly nameless: readonly ObdAddress[];
  } {
    const strange = found.filter((address) => this.at(address) === undefined);
    if (strange.length === 0) return { fresh: [], nameless: [] };
    if (this.#parts.configured !== undefined) return { fresh: [], nameless: strange };
    const { named, nameless } = nameEcus(strange, this.#ecus);
    const fresh = named.slice(this.#ecus.length);
    if (fresh.length > 0) this.#keep([...this.#ecus, ...fresh]);
    return { fresh, nameless };
  }

  /** Remembers what an ECU has. Gives whether that is new. */
  learn(ecu: ObdAddress, support: EcuSupport): boolean {
    if (JSON.stringify(this.at(ecu)?.support) === JSON.stringify(support)) return false;
    this.#keep(this.#ecus.map((known) => (isSameAddress(known, ecu) ? { ...known, support } : known)));
    return true;
  }

  #keep(ecus: readonly KnownEcu[]): void {
    this.#ecus = ecus;
    const value = {
      ecus: ecus.map(({ name, response, extended, support }) => ({
        name,
        response,
        extended,
        ...(support === undefined
          ? {}
          : { support: { pids: [...support.pids], infoTypes: [...support.infoTypes], packs: support.packs } }),
      })),
    };
    this.#parts.space.put(keyOf(this.#parts.bus), value);
  }
}

function supportIn(met: readonly KnownEcu[], ecu: ObdAddress): EcuSupport | undefined {
  return met.find((one) => isSameAddress(one, ecu))?.support;
}

function keyOf(bus: string): string {
  return `obd:${bus}`;
}
