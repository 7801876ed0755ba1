import { createHash } from "node:crypto";
import { z } from "zod";
import { keyOf, type RowKey } from "../store/row-store.ts";
import { actionName, finalAnswer } from "./final-answer.ts";

/** What is kept of a command. Times are ms since the Unix epoch. */
export const commandRow = z.strictObject({
  action: actionName,
  sentAtMs: z.int(),
  expiresAtMs: z.int(),
  /** The signed request; a retry sends these very bytes. Absent where nothing was to be sent. */
  payload: z.string().optional(),
  /** Set once, and never changed. */
  final: finalAnswer.optional(),
});
export type CommandRow = z.infer<typeof commandRow>;

/** A row as text, in one spelling: it is compared. */
export function rowText(row: CommandRow): string {
  return JSON.stringify(commandRow.parse(row));
}

/** Who asks a thing. `user` is the subject of the person's tokens. */
export type CommandOf = { readonly user: string; readonly thing: string };

/** Where the command of an id lies: of one user and one thing, so that nobody else's id finds it. */
export function commandKey({ user, thing }: CommandOf, id: string): RowKey {
  return keyOf(["command", user, thing], [id]);
}

/** The id of the command that a user's idempotency key stands for: the same for ever, and nobody else's. 43 characters. */
export function commandIdOf({ user, thing }: CommandOf, key: string): string {
  return createHash("sha256")
    .update(JSON.stringify([user, thing, key]))
    .digest("base64url");
}
