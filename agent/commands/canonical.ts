import { createHash } from "node:crypto";
import { canonicalJson, type Json } from "../core/canonical-json.ts";

/** What a signature is over. Names hold no line break, so the lines of the text cannot be taken for each other. */
export type SignedFields = {
  readonly id: string;
  readonly thing: string;
  readonly action: string;
  readonly arguments: Readonly<Record<string, Json>>;
  readonly notBeforeMs: number;
  readonly expiresAtMs: number;
  readonly counter: number;
};

/**
 * The text that is signed, UTF-8, each line ended by a line feed:
 *
 *     causeway-command 1
 *     id=<id>
 *     thing=<thing name>
 *     action=<action>
 *     arguments=<SHA-256 of the arguments' canonical JSON, 64 hexadecimal digits>
 *     not-before=<ms since the Unix epoch, decimal>
 *     expires=<the same>
 *     counter=<decimal>
 */
export function signedText(fields: SignedFields): string {
  const digest = createHash("sha256").update(canonicalJson(fields.arguments)).digest("hex");
  const lines = [
    "causeway-command 1",
    `id=${fields.id}`,
    `thing=${fields.thing}`,
    `action=${fields.action}`,
    `arguments=${digest}`,
    `not-before=${fields.notBeforeMs}`,
    `expires=${fields.expiresAtMs}`,
    `counter=${fields.counter}`,
  ];
  return `${lines.join("\n")}\n`;
}
