import { z } from "zod";
import { exact, problemOf, type Read, type Refusal, shownId, signalId, syncId } from "./document.ts";

/** Most state templates that a message adds or removes, and most signals of one. */
const MAX_TEMPLATES = 1000;
const MAX_SIGNALS = 4096;

/** Signals whose newest values are sent together while the template is active. */
export type StateTemplate = {
  readonly syncId: string;
  readonly update: { readonly kind: "on-change" } | { readonly kind: "periodic"; readonly periodMs: number };
  readonly signals: readonly number[];
};

/** A change of the list of state templates. One to add that is known takes its place. */
export type StateTemplates = {
  /** Grows with each change; one that is not above that of the list is old. */
  readonly version: bigint;
  readonly manifestSyncId: string;
  readonly add: readonly StateTemplate[];
  readonly remove: readonly string[];
  readonly refused: readonly Refusal[];
};

const wireTemplate = z.object({
  state_template_sync_id: syncId,
  update_strategy: z.enum(["on_change", "periodic"], "is neither on change nor periodic"),
  periodic: z.object({ period_ms: exact.refine((period) => period >= 1, "must be 1 ms or more") }).optional(),
  signal_ids: z.array(signalId).max(MAX_SIGNALS),
});

const wireTemplates = z.object({
  decoder_manifest_sync_id: syncId,
  state_templates_to_add: z.array(z.unknown()).max(MAX_TEMPLATES),
  state_template_sync_ids_to_remove: z.array(z.string()).max(MAX_TEMPLATES),
  version: z.bigint(),
});

/** Reads a StateTemplates that protobuf has decoded. */
export function readTemplates(message: unknown): Read<StateTemplates> {
  const parsed = wireTemplates.safeParse(message);
  if (!parsed.success) return { kind: "unreadable", problem: problemOf(parsed.error) };
  const wire = parsed.data;
  const add = new Map<string, StateTemplate>();
  const refused: Refusal[] = [];
  for (const entry of wire.state_templates_to_add) {
    const template = wireTemplate.safeParse(entry);
    if (!template.success)
      refused.push({ entry: `state template ${nameIn(entry)}`, problem: problemOf(template.error) });
    else add.set(template.data.state_template_sync_id, templateOf(template.data));
  }
  return {
    kind: "read",
    document: {
      version: wire.version,
      manifestSyncId: wire.decoder_manifest_sync_id,
      add: [...add.values()],
      remove: wire.state_template_sync_ids_to_remove,
      refused,
    },
  };
}

function nameIn(entry: unknown): string {
  return shownId(z.object({ state_template_sync_id: z.string() }).safeParse(entry).data?.state_template_sync_id);
}

function templateOf({ state_template_sync_id, periodic, signal_ids }: z.infer<typeof wireTemplate>): StateTemplate {
  return {
    syncId: state_template_sync_id,
    update: periodic === undefined ? { kind: "on-change" } : { kind: "periodic", periodMs: periodic.period_ms },
    signals: [...new Set(signal_ids)],
  };
}
