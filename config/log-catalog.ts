import { logEventId } from "../agent/core/log-event-id.ts";
import type { CatalogText } from "./log-texts/catalog-text.ts";
import { CLOUD_TEXTS } from "./log-texts/cloud.ts";
import { STORE_TEXTS } from "./log-texts/store.ts";
import { VEHICLE_TEXTS } from "./log-texts/vehicle.ts";

/** Events at which a person must act: all that the agent logs as errors, and some warnings; and their texts in the catalogue of the journal. */
export const LOG_CATALOG: Readonly<Record<string, CatalogText>> = { ...VEHICLE_TEXTS, ...CLOUD_TEXTS, ...STORE_TEXTS };

/** The catalogue as journalctl --update-catalog reads it (systemd, "Journal Message Catalogs"). */
export function journalCatalog(texts = LOG_CATALOG): string {
  const head = "# Made by scripts/generate.ts from config/log-texts: edit that.\n";
  const entries = Object.entries(texts).map(([event, { subject, cause, remedy }]) =>
    [
      `-- ${logEventId(event)}`,
      `Subject: ${fields(subject)}`,
      "Defined-By: Causeway",
      "Documentation: man:causeway(1)",
      "",
      `Event: ${event}`,
      fields(cause),
      "",
      "What to do:",
      fields(remedy),
      "",
    ].join("\n"),
  );
  return [head, ...entries].join("\n");
}

function fields(text: string): string {
  return text.replaceAll(/@([A-Z_]+)@/g, "@CAUSEWAY_$1@");
}
