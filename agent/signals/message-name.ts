import type { DbcMessage } from "./dbc/model.ts";
import type { TableSource } from "./table-source.ts";

const FORM = /^([^@]+)(?:@0x([0-9a-f]{1,8}))?$/i;
/** More digits stand for a 29-bit id, as in candump's logs. */
const STANDARD_DIGITS = 3;

/** A message as people name it; without an id any of the name is meant. */
export type MessageName = {
  readonly name: string;
  readonly id: { readonly value: number; readonly extended: boolean } | undefined;
};

/** A message of a DBC file, or why a name stands for none. */
export type FoundMessage =
  | { readonly kind: "message"; readonly message: DbcMessage }
  | { readonly kind: "unfit"; readonly problem: string };

/** Reads "MESSAGE" or "MESSAGE@0xID", the id with at most 3 hexadecimal digits for 11 bits and more for 29; undefined for anything else. */
export function parseMessageName(text: string): MessageName | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  const [, name, digits] = match;
  if (digits === undefined) return { name, id: undefined };
  return { name, id: { value: Number.parseInt(digits, 16), extended: digits.length > STANDARD_DIGITS } };
}

/** Whether a message is one that `wanted` names. */
export function isNamed(
  { name, id, extended }: Pick<DbcMessage, "name" | "id" | "extended">,
  wanted: MessageName,
): boolean {
  if (name !== wanted.name) return false;
  return wanted.id === undefined || (wanted.id.value === id && wanted.id.extended === extended);
}

/** "MESSAGE@0xID", which stands for one message of a bus. */
export function exactNameOf({ name, id, extended }: Pick<DbcMessage, "name" | "id" | "extended">): string {
  return `${name}@0x${id.toString(16).padStart(extended ? 8 : STANDARD_DIGITS, "0")}`;
}

/** "MESSAGE.SIGNAL" as its two names: names of messages may have dots, those of signals have none. A name without a dot is a signal's own. */
export function splitSignalName(name: string): { readonly message: string; readonly signal: string } {
  const dot = name.lastIndexOf(".");
  return { message: name.slice(0, Math.max(0, dot)), signal: name.slice(dot + 1) };
}

/** Where a message is declared. */
export function placeOf(file: string | undefined, line: number): string {
  return file === undefined ? `line ${line}` : `${file}:${line}`;
}

/** The one message of `bus` that "MESSAGE" or "MESSAGE@0xID" stands for. */
export function findMessage(sources: readonly TableSource[], bus: string, text: string): FoundMessage {
  const wanted = parseMessageName(text);
  const found = sources
    .filter((source) => source.bus === bus)
    .flatMap(({ database, file }) => database.messages.map((message) => ({ message, file })))
    .filter(({ message }) => wanted !== undefined && isNamed(message, wanted));
  const [first, second] = found;
  if (first === undefined) return { kind: "unfit", problem: `no DBC file of ${bus} has ${text}` };
  if (second === undefined) return { kind: "message", message: first.message };
  const places = found.map(({ message, file }) => `${exactNameOf(message)} (${placeOf(file, message.line)})`);
  return { kind: "unfit", problem: `${text} is ${found.length} messages, write which: ${places.join(", ")}` };
}
