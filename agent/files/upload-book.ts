import { z } from "zod";
import type { Journal, JournalDocument } from "../ports/journal.ts";
import type { JournalSpace } from "../ports/journal-spaces.ts";
import { type UploadPlan, uploadPlan } from "./upload-plan.ts";

const SPACE: JournalSpace = "uploads";
const DAY_KEY = "day";

/** Bytes that went out on a day: days of UTC since 1970. */
const sentDay = z.object({ day: z.int(), bytes: z.int().min(0) }).readonly();
export type SentDay = z.infer<typeof sentDay>;

/** Uploads in the journal, oldest first, and what went out today. The journal's faults come through: then nothing has changed. */
export class UploadBook {
  readonly #journal: Pick<Journal, "get" | "list" | "put">;
  readonly #plans = new Map<string, UploadPlan>();
  readonly #numbers = new Map<string, number>();
  #next: number;

  /** Documents of another version that cannot be read are left out; nothing is known of their files any more. */
  constructor(journal: Pick<Journal, "get" | "list" | "put">) {
    this.#journal = journal;
    const kept = journal.list(SPACE).flatMap(({ key, value }) => {
      const parsed = key.startsWith("plan:") ? numberedPlan.safeParse(value) : undefined;
      return parsed?.success === true ? [parsed.data] : [];
    });
    for (const { number, plan } of kept.toSorted((a, b) => a.number - b.number)) {
      this.#plans.set(plan.id, plan);
      this.#numbers.set(plan.id, number);
    }
    this.#next = 1 + Math.max(0, ...this.#numbers.values());
  }

  get plans(): readonly UploadPlan[] {
    return [...this.#plans.values()];
  }

  get(id: string): UploadPlan | undefined {
    return this.#plans.get(id);
  }

  /** `beside`: what is written with it, or not at all. */
  put(plan: UploadPlan, beside: readonly JournalDocument[] = []): void {
    const number = this.#numbers.get(plan.id) ?? this.#next;
    const value = { number, plan: JSON.stringify(plan) };
    this.#journal.put([{ space: SPACE, key: `plan:${plan.id}`, value }, ...beside]);
    this.#next = Math.max(this.#next, number + 1);
    this.#numbers.set(plan.id, number);
    this.#plans.set(plan.id, plan);
  }

  remove(id: string): void {
    this.#journal.put([{ space: SPACE, key: `plan:${id}`, value: undefined }]);
    this.#plans.delete(id);
    this.#numbers.delete(id);
  }

  get day(): SentDay | undefined {
    const parsed = sentDay.safeParse(this.#journal.get(SPACE, DAY_KEY));
    return parsed.success ? parsed.data : undefined;
  }

  putDay(day: SentDay): void {
    this.#journal.put([{ space: SPACE, key: DAY_KEY, value: day }]);
  }
}

/** Removes all that a journal holds of uploads. The journal's faults come through: then nothing has changed. */
export function forgetPlans(journal: Pick<Journal, "list" | "put">): void {
  const left = journal.list(SPACE);
  if (left.length > 0) journal.put(left.map(({ key }) => ({ space: SPACE, key, value: undefined })));
}

/** As JSON text, which leaves out what a plan does not have. */
const planText = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue("is not JSON");
      return z.NEVER;
    }
  })
  .pipe(uploadPlan);

/** `number`: which came first. */
const numberedPlan = z.object({ number: z.int().min(1), plan: planText }).readonly();
