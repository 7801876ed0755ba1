import { z } from "zod";
import { plainText } from "../../core/plain-text.ts";
import { keyOf, type RowStore } from "../store/row-store.ts";

/** Vehicles of one person that are looked at, at most. */
const MAX_VEHICLES = 100;
const VEHICLE_ID = /^[A-Za-z0-9_-]{8,64}$/;

const ROLES = ["owner", "driver", "viewer"] as const;
export type Role = (typeof ROLES)[number];
/** Who may command; a viewer sees. */
const COMMANDING: ReadonlySet<Role> = new Set(["owner", "driver"]);

/** What a person may use. The name is anybody's text; the thing never leaves the backend, because it may be a VIN. */
export const bindingRow = z.strictObject({
  thing: z.string().regex(/^[A-Za-z0-9_:-]{1,128}$/),
  name: z.string().transform((text) => plainText(text, 60)),
  role: z.enum(ROLES),
  /** End of a loan, ms since the Unix epoch. */
  untilMs: z.int().optional(),
});

/** A vehicle as a person has it. `id` means nothing outside of the bindings. */
export type Binding = { readonly id: string } & Readonly<z.infer<typeof bindingRow>>;

/** Who may use which vehicle: rows of group user#SUBJECT, name vehicle#ID, written by whoever runs the fleet. */
export class Bindings {
  readonly #rows: Pick<RowStore, "get" | "list" | "putNew">;

  constructor(rows: Pick<RowStore, "get" | "list" | "putNew">) {
    this.#rows = rows;
  }

  async of(user: string, nowMs: number): Promise<readonly Binding[]> {
    const rows = await this.#rows.list(keyOf(["user", user], []).group, nowMs, MAX_VEHICLES);
    return rows.flatMap(({ name, text }) => bindingOf(name.replace(/^vehicle#/, ""), text, nowMs) ?? []);
  }

  /** Undefined for a vehicle that is not this person's, which is the same as one that is not there. */
  async find(user: string, id: string, nowMs: number): Promise<Binding | undefined> {
    if (!VEHICLE_ID.test(id)) return undefined;
    const text = await this.#rows.get(keyOf(["user", user], ["vehicle", id]), nowMs);
    return text === undefined ? undefined : bindingOf(id, text, nowMs);
  }

  /** Lets a person use a vehicle, where that is not said already. */
  async put(user: string, { id, ...row }: Binding, nowMs: number): Promise<void> {
    const life = { nowMs, expiresAtMs: undefined };
    await this.#rows.putNew(keyOf(["user", user], ["vehicle", id]), JSON.stringify(row), life);
  }
}

/** Whether a person may command the vehicle. */
export function mayCommand({ role }: Binding): boolean {
  return COMMANDING.has(role);
}

/** A row that is no binding binds nobody. */
function bindingOf(id: string, text: string, nowMs: number): Binding | undefined {
  const row = bindingRow.safeParse(parsed(text));
  if (!row.success || (row.data.untilMs ?? Number.POSITIVE_INFINITY) <= nowMs) return undefined;
  return { id, ...row.data };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Written by hand: what cannot be read is no binding.
    return undefined;
  }
}
