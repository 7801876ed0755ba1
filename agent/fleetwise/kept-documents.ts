import { z } from "zod";
import { AgentError, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { StateFiles } from "../ports/state-files.ts";
import type { StateTemplate } from "./read/state-templates.ts";

/** Starts of the agent in one boot that ended before its documents had been in force for a while, after which they are set aside. */
const MAX_STARTS = 5;
const FILES = { manifest: "decoder-manifest.json", schemes: "collection-schemes.json" } as const;
const TEMPLATES = "state-templates.json";
const STARTS = "starts.json";

const payloadFile = z.strictObject({ schemaVersion: z.literal(1), payload: z.base64() });
const templatesFile = z.strictObject({
  schemaVersion: z.literal(1),
  version: z.string().regex(/^\d{1,20}$/),
  templates: z.array(
    z.strictObject({
      syncId: z.string().min(1),
      manifestSyncId: z.string(),
      update: z.discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("on-change") }),
        z.strictObject({ kind: z.literal("periodic"), periodMs: z.number().min(1) }),
      ]),
      signals: z.array(z.int().min(1)),
    }),
  ),
});
const startsFile = z.strictObject({ bootId: z.string(), starts: z.int().min(0) });

/** A state template, and the manifest that its signals are of. */
export type KeptTemplate = StateTemplate & { readonly manifestSyncId: string };

/** State templates as all messages so far have made them. */
export type TemplateList = { readonly version: bigint; readonly templates: readonly KeptTemplate[] };

/**
 * The newest documents of the cloud in the state directory: the payloads as they came, and the list of state templates. A document is
 * written when it is in force, so that one that ends the process is not there at the next start.
 */
export class KeptDocuments {
  readonly #files: StateFiles;
  readonly #bootId: string;
  readonly #log: Log;

  constructor({ files, bootId, log }: { readonly files: StateFiles; readonly bootId: string; readonly log: Log }) {
    this.#files = files;
    this.#bootId = bootId;
    this.#log = log;
  }

  /**
   * A start begins. After several of one boot that ended early all documents are set aside: the cloud sends them again. A start of another
   * boot may have ended with the power.
   */
  begin(): void {
    const before = this.#read(STARTS, startsFile);
    const starts = (before?.bootId === this.#bootId ? before.starts : 0) + 1;
    if (starts > MAX_STARTS) {
      for (const name of [...Object.values(FILES), TEMPLATES]) this.#files.setAside(name);
      this.#log.error("fleetwise.documents-set-aside", { starts: starts - 1 });
    }
    this.#write(STARTS, { bootId: this.#bootId, starts: starts > MAX_STARTS ? 1 : starts });
  }

  /** The documents have been in force for a while, or the process ends in order. */
  settle(): void {
    this.#write(STARTS, { bootId: this.#bootId, starts: 0 });
  }

  payload(of: keyof typeof FILES): Uint8Array | undefined {
    const kept = this.#read(FILES[of], payloadFile);
    return kept === undefined ? undefined : Buffer.from(kept.payload, "base64");
  }

  keepPayload(of: keyof typeof FILES, payload: Uint8Array): void {
    this.#write(FILES[of], { schemaVersion: 1, payload: Buffer.from(payload).toString("base64") });
  }

  templates(): TemplateList {
    const kept = this.#read(TEMPLATES, templatesFile);
    return kept === undefined
      ? { version: 0n, templates: [] }
      : { version: BigInt(kept.version), templates: kept.templates };
  }

  keepTemplates({ version, templates }: TemplateList): void {
    this.#write(TEMPLATES, { schemaVersion: 1, version: `${version}`, templates });
  }

  /** What cannot be read is set aside, and the cloud sends it again. */
  #read<T>(name: string, schema: z.ZodType<T>): T | undefined {
    try {
      const text = this.#files.read(name);
      return text === undefined ? undefined : schema.parse(JSON.parse(text));
    } catch (thrown) {
      const aside = this.#files.setAside(name);
      this.#log.error("fleetwise.document-unreadable", { name, aside, what: messageOf(thrown) });
      return undefined;
    }
  }

  /** What cannot be written counts all the same until the next start: the cloud sends it again. */
  #write(name: string, content: unknown): void {
    try {
      this.#files.replace(name, JSON.stringify(content));
    } catch (thrown) {
      if (!(thrown instanceof AgentError)) throw thrown;
      this.#log.error("fleetwise.document-unwritable", { name, code: thrown.code, what: thrown.message });
    }
  }
}
