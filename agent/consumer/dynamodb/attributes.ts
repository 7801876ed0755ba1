import type { AttributeValue } from "@aws-sdk/client-dynamodb";
import { AgentError } from "../../core/errors.ts";
import type { Item } from "./table-client.ts";

/** Magnitudes that a number of DynamoDB can have, 0 apart (developer guide, "Naming rules and data types", Number). */
const SMALLEST = 1e-130;
const LARGEST = 9.9e125;

export function text(value: string): AttributeValue {
  return { S: value };
}

/** An integer or a double that a number of DynamoDB can hold: see `valueOf` for one that may be anything. */
export function number(value: number | bigint): AttributeValue {
  return { N: String(value) };
}

/** Any value: a number, or where DynamoDB has none its text (NaN, inf, -inf, decimal digits), which no number has. */
export function anyNumber(value: number | bigint): AttributeValue {
  if (typeof value === "bigint") return number(value);
  if (Number.isNaN(value)) return text("NaN");
  const size = Math.abs(value);
  if (size === Number.POSITIVE_INFINITY) return text(value > 0 ? "inf" : "-inf");
  return size !== 0 && (size < SMALLEST || size > LARGEST) ? text(String(value)) : number(value);
}

/** The text of an attribute of an item that was read; throws `store.unavailable` where it has none. */
export function textIn(item: Item, name: string): string {
  const value = item[name]?.S;
  if (value === undefined) throw damaged(item, `has no text ${name}`);
  return value;
}

/** The number of an attribute; throws `store.unavailable` where it has none, or one beyond 2^53. */
export function numberIn(item: Item, name: string): number {
  const value = Number(item[name]?.N);
  if (!Number.isFinite(value)) throw damaged(item, `has no number ${name}`);
  return value;
}

/** The fault of an item that somebody else has written, or changed. */
export function damaged(item: Item, problem: string, cause?: unknown): AgentError {
  const key = [item.thing?.S, item.fact?.S].join(" ");
  return new AgentError("store.unavailable", {
    what: `item ${key}: ${problem}`,
    remedy: "Let nobody else write to the tables of the consumer; delete the item if it can be spared.",
    cause,
  });
}
