import { createHash } from "node:crypto";
import { z } from "zod";
import type { Notice } from "../../telemetry/record/encode/events.ts";
import type { EcuSpace } from "./ecu-space.ts";

const toldVin = z.string().regex(/^[0-9a-f]{64}$/);
const KEY = "vin";

export type VinNoticeParts = {
  readonly space: EcuSpace;
  readonly notify: (notice: Notice) => void;
};

/**
 * Tells the cloud the VIN that an ECU gives, once, and again when it is another one. A VIN is personal data: it is in the record alone, in
 * no log, and the journal has its digest.
 */
export class VinNotice {
  readonly #parts: VinNoticeParts;
  #told: string | undefined;

  constructor(parts: VinNoticeParts) {
    this.#parts = parts;
    const kept = toldVin.safeParse(parts.space.get(KEY));
    this.#told = kept.success ? kept.data : undefined;
  }

  take(vin: string): void {
    const digest = createHash("sha256").update(vin).digest("hex");
    if (digest === this.#told) return;
    this.#parts.space.put(KEY, digest);
    this.#told = digest;
    this.#parts.notify({ event: "obd.vin", detail: vin });
  }
}
