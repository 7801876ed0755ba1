import type { BusDiagnosticsConfig, DiagnosticsConfig } from "../../config/diagnostics.ts";
import type { BusConfig } from "../../config/schema.ts";
import type { TransmitId, TransmitPermission } from "../../drivers/can/transmit-filter.ts";
import { idKey } from "../ports/arbitration-id.ts";

/** PDU formats of 29-bit requests (ISO 15765-2, normal fixed addressing; ISO 15765-4, functional). */
const [PHYSICAL, FUNCTIONAL] = [0xda, 0xdb];
/** Our address as a tester (ISO 15765-4). */
const TESTER_ADDRESS = 0xf1;
/** PDU formats that a J1939 node sends which asks: request, transport and its control, address claim, acknowledgement (SAE J1939-21, -81). */
const NODE_FORMATS = [0xea, 0xeb, 0xec, 0xee, 0xe8];
/** Addresses that a node may take by itself (SAE J1939-81), and the one from which it says that it has none. */
const [FIRST_FREE_ADDRESS, LAST_FREE_ADDRESS, NULL_ADDRESS] = [128, 247, 254];

/**
 * The ids on which diagnostics of a bus may send: nothing where the configuration has no `transmit`, otherwise the requests of legislated
 * OBD, those of our address as a tester, what a J1939 node with our address sends, and what `add` names.
 */
export class RequestIds {
  readonly #settings: BusDiagnosticsConfig;
  readonly #named = new Set<number>();

  constructor(settings: BusDiagnosticsConfig) {
    this.#settings = settings;
  }

  /** Ids of the vehicle's own catalogue. */
  add(ids: readonly TransmitId[]): void {
    for (const { id, extended } of ids) this.#named.add(idKey(id, extended));
  }

  allows({ id, extended }: TransmitId): boolean {
    if (this.#settings.transmit === undefined) return false;
    if (this.#named.has(idKey(id, extended))) return true;
    return extended ? isTesterId(id) || this.#isNodeId(id) : id === 0x7df || (id >= 0x7e0 && id <= 0x7e7);
  }

  #isNodeId(id: number): boolean {
    const { j1939 } = this.#settings;
    if (j1939 === undefined || !NODE_FORMATS.includes((id >>> 16) & 0xff)) return false;
    const source = id & 0xff;
    if (source === j1939.address || source === NULL_ADDRESS) return true;
    return j1939.name.arbitraryAddress && source >= FIRST_FREE_ADDRESS && source <= LAST_FREE_ADDRESS;
  }
}

/** The requests of diagnostics, by bus. */
export function requestIdsOf(diagnostics: DiagnosticsConfig | undefined): ReadonlyMap<string, RequestIds> {
  return new Map(diagnostics?.buses.map((settings) => [settings.bus, new RequestIds(settings)]));
}

/** What a bus may send: nothing where it only listens, whatever the catalogue and diagnostics say. */
export function transmitPermission(
  bus: BusConfig,
  ids: readonly TransmitId[],
  requests: RequestIds | undefined,
): TransmitPermission {
  return isListenOnly(bus) ? { ids: [] } : { ids, requests };
}

/** Whether the configuration says that nothing is sent on the bus. */
export function isListenOnly(bus: BusConfig): boolean {
  return bus.driver === "replay" || bus.listenOnly === true;
}

function isTesterId(id: number): boolean {
  const format = (id >>> 16) & 0xff;
  return (format === PHYSICAL || format === FUNCTIONAL) && (id & 0xff) === TESTER_ADDRESS && id >>> 24 === 0x18;
}
