/** A value of AWS IoT SQL; `undefined` is its Undefined. Bytes are a payload that is no JSON. */
export type SqlValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | Uint8Array
  | readonly SqlValue[]
  | { readonly [name: string]: SqlValue };

/** The members of an object; undefined for any other value. */
export function membersOf(value: SqlValue): Readonly<Record<string, SqlValue>> | undefined {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array || isList(value)) return undefined;
  return value;
}

export function isList(value: SqlValue): value is readonly SqlValue[] {
  return Array.isArray(value);
}

/** Conversion to Decimal (developer guide, "Data types"): numbers, and strings that are one. */
export function decimalOf(value: SqlValue): number | undefined {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value.trim() === "") return undefined;
  const number = Number(value);
  return Number.isNaN(number) ? undefined : number;
}

/** Conversion to Boolean, as AND, OR, NOT and WHERE do it. */
export function booleanOf(value: SqlValue): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value !== "string") return undefined;
  const text = value.toLowerCase();
  if (text === "true") return true;
  return text === "false" ? false : undefined;
}

/** Conversion to String; Undefined becomes "" where it is serialised by itself. */
export function stringOf(value: SqlValue): string {
  if (value === undefined) return "";
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString("base64") : JSON.stringify(value);
}

/** Values are equal when they are the same, or the same number written otherwise. */
export function areEqual(left: SqlValue, right: SqlValue): boolean | undefined {
  if (left === undefined || right === undefined) return undefined;
  const [a, b] = [decimalOf(left), decimalOf(right)];
  if (a !== undefined && b !== undefined) return a === b;
  return JSON.stringify(left) === JSON.stringify(right);
}

/**
 * What a rule without `awsIotSqlVersion` makes of a result (version 2015-10-08): a list at the top arrives empty, lists in objects
 * vanish, and the members of inner objects move into the outer one, all without an error. Source: the developer guide's "What's new in the
 * 2016-03-23 SQL rules engine version", and reports of users of the Connected Mobility guidance.
 */
export function spoiledBy2015(value: SqlValue): SqlValue {
  if (isList(value)) return [];
  const members = membersOf(value);
  if (members === undefined) return value;
  const flat: Record<string, SqlValue> = {};
  for (const [name, inner] of Object.entries(members)) {
    if (isList(inner)) continue;
    const innerMembers = membersOf(spoiledBy2015(inner));
    if (innerMembers === undefined) flat[name] = inner;
    else Object.assign(flat, innerMembers);
  }
  return flat;
}
