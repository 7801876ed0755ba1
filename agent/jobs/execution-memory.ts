import { z } from "zod";
import type { Json } from "../core/canonical-json.ts";
import type { Journal, JournalDocument } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";
import { type ExecutionId, isSameExecution } from "./job.ts";

const SPACE: JournalSpace = "job";

const executionId = z.object({ jobId: z.string(), executionNumber: z.int() });

/** What is kept of an execution beside its name. */
export type ExecutionFacts = Readonly<Record<string, Json | undefined>>;

/** Something about one execution at a time that survives restarts, in the journal under a key of its own. Its methods throw the faults of the journal. */
export class ExecutionMemory<T extends ExecutionFacts> {
  readonly #journal: Pick<Journal, "get" | "put">;
  readonly #key: string;
  readonly #schema: z.ZodType<T>;

  constructor(journal: Pick<Journal, "get" | "put">, key: string, schema: z.ZodType<T>) {
    this.#journal = journal;
    this.#key = key;
    this.#schema = schema;
  }

  /** What is remembered of this execution; undefined when that is nothing. */
  of(job: ExecutionId): T | undefined {
    const id = this.latest();
    const isSame = id !== undefined && isSameExecution(id, job);
    return isSame ? this.#schema.safeParse(this.#journal.get(SPACE, this.#key)).data : undefined;
  }

  /** The execution that something is remembered of. */
  latest(): ExecutionId | undefined {
    return executionId.safeParse(this.#journal.get(SPACE, this.#key)).data;
  }

  /** In the place of whatever was remembered, also of another execution. */
  remember(job: ExecutionId, facts: T): void {
    this.#journal.put([this.documentOf(job, facts)]);
  }

  /** What `remember` writes, for somebody who writes it together with something else. */
  documentOf({ jobId, executionNumber }: ExecutionId, facts: T): JournalDocument {
    const known = Object.entries(facts).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    const value: Json = { ...Object.fromEntries(known), jobId, executionNumber };
    return { space: SPACE, key: this.#key, value };
  }

  forget(): void {
    this.#journal.put([{ space: SPACE, key: this.#key, value: undefined }]);
  }
}
