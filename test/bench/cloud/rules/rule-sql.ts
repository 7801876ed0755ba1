import { randomUUID } from "node:crypto";
import protobuf from "protobufjs/light.js";
import "protobufjs/ext/descriptor.js";
import { z } from "zod";
import { type Expression, parseExpression, parseStatement, type Select, type Statement } from "./sql-syntax.ts";
import {
  areEqual,
  booleanOf,
  decimalOf,
  isList,
  membersOf,
  type SqlValue,
  spoiledBy2015,
  stringOf,
} from "./sql-value.ts";

/** A message as the rules engine gets it; of Basic Ingest the topic is without `$aws/rules/NAME/`. */
export type RuleMessage = {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly clientId: string;
  /** Certificate id of who published. */
  readonly principal: string;
  readonly contentType?: string | undefined;
  readonly correlationData?: Uint8Array | undefined;
  readonly userProperties: readonly (readonly [name: string, value: string])[];
};

/**
 * How decode writes protobuf as JSON. The developer guide does not say: names as in the file or in camel case, 64-bit integers as numbers or
 * as strings (proto3's own JSON form). A rule must not depend on it.
 */
export type ProtobufForm = { readonly keepsCase: boolean; readonly longsAsText: boolean };

/** What rules stand on: descriptors by bucket and key, the time in ms, and which version of SQL the rule names. */
export type SqlSurroundings = {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly nowMs: () => number;
  readonly form: ProtobufForm;
};

/** A rule's statement, read once. */
export class RuleSql {
  readonly from: string | undefined;
  readonly #statement: Statement;
  readonly #version: string | undefined;

  /** Throws for what is no statement. */
  constructor(sql: string, version: string | undefined) {
    this.#statement = parseStatement(sql);
    this.from = this.#statement.from;
    this.#version = version;
  }

  /** What the rule's actions get for `message`; undefined when WHERE does not hold. Bytes where SELECT * is of no JSON. */
  run(
    message: RuleMessage,
    surroundings: SqlSurroundings,
  ): { readonly result: SqlValue; readonly scope: Scope } | undefined {
    const scope = new Scope(message, surroundings);
    for (const [name, value] of this.#statement.sets) scope.set(name, value);
    const { where, select } = this.#statement;
    if (where !== undefined && booleanOf(scope.evaluate(where)) !== true) return undefined;
    const result = selected(scope, select);
    return { result: this.#version === "2016-03-23" ? result : spoiledBy2015(result), scope };
  }
}

/** What expressions of one message may name. */
export class Scope {
  readonly #message: RuleMessage;
  readonly #surroundings: SqlSurroundings;
  readonly #payload: SqlValue;
  readonly #variables = new Map<string, SqlValue>();
  #decodes = 0;

  constructor(message: RuleMessage, surroundings: SqlSurroundings) {
    this.#message = message;
    this.#surroundings = surroundings;
    this.#payload = jsonOf(message.payload) ?? message.payload;
  }

  set(name: string, value: Expression): void {
    this.#variables.set(name, this.evaluate(value));
  }

  /** A parameter of an action with its `${...}` filled in. They see the message and variables, not what SELECT names. */
  fill(template: string): string {
    return template.replace(/\$\{([^}]*)\}/g, (_, text: string) => stringOf(this.evaluate(parseExpression(text))));
  }

  evaluate(expression: Expression): SqlValue {
    switch (expression.kind) {
      case "literal":
        return expression.value;
      case "payload":
        return this.#payload;
      case "variable":
        return this.#variables.get(expression.name);
      case "attribute":
        return membersOf(this.#payload)?.[expression.name];
      case "member":
        return membersOf(this.evaluate(expression.of))?.[expression.name];
      case "cast":
        return cast(this.evaluate(expression.value), expression.type);
      case "not": {
        const value = booleanOf(this.evaluate(expression.value));
        return value === undefined ? undefined : !value;
      }
      case "case": {
        const value = this.evaluate(expression.value);
        const hit = expression.cases.find(({ when }) => areEqual(value, this.evaluate(when)) === true);
        const chosen = hit?.result ?? expression.otherwise;
        return chosen === undefined ? undefined : this.evaluate(chosen);
      }
      case "binary":
        return combined(expression.operator, this.evaluate(expression.left), this.evaluate(expression.right));
      case "call":
        return this.#call(expression.name, expression.args);
    }
  }

  #call(name: string, args: readonly Expression[]): SqlValue {
    const { topic, clientId, principal, contentType, correlationData, userProperties } = this.#message;
    const values = args.map((arg) => this.evaluate(arg));
    const [first, second] = values;
    switch (name) {
      case "topic":
        return first === undefined ? topic : topic.split("/")[Number(first) - 1];
      case "timestamp":
        return this.#surroundings.nowMs();
      case "clientid":
        return clientId;
      case "principal":
        return principal;
      case "newuuid":
        return randomUUID();
      case "isundefined":
        return first === undefined;
      case "concat":
        return values.some((value) => value === undefined) ? undefined : values.map(stringOf).join("");
      case "floor":
        return numeric(first, Math.floor);
      case "get":
        return isList(first) ? first[Number(second)] : membersOf(first)?.[stringOf(second)];
      case "encode":
        return second === "base64" ? encoded(first) : undefined;
      case "decode":
        return second === "proto" ? this.#decode(first, values.slice(2).map(stringOf)) : undefined;
      case "get_user_properties": {
        const named = userProperties.filter(([one]) => one === first).map(([, value]) => value);
        return named.length === 0 ? undefined : named;
      }
      case "get_mqtt_property":
        if (first === "content_type") return contentType;
        return first === "correlation_data" && correlationData !== undefined ? encoded(correlationData) : undefined;
      default:
        throw new Error(`the bench does not know the function ${name} of SQL`);
    }
  }

  /** decode(value, 'proto', bucket, key, file, type): at most twice in a statement, a descriptor of at most 32 KiB (developer guide). */
  #decode(value: SqlValue, [bucket, key, file, type]: readonly string[]): SqlValue {
    this.#decodes += 1;
    if (this.#decodes > 2) throw new Error("decode more than twice in one statement");
    const descriptor = this.#surroundings.files.get(`${bucket}/${key}`);
    if (descriptor === undefined) throw new Error(`no descriptor ${bucket}/${key}`);
    if (descriptor.length > 32_768) throw new Error(`the descriptor has ${descriptor.length} bytes, more than 32 KiB`);
    if (file === undefined || type === undefined) return undefined;
    const bytes = value instanceof Uint8Array ? value : Buffer.from(stringOf(value), "base64");
    const { keepsCase, longsAsText } = this.#surroundings.form;
    const message = protobuf.Root.fromDescriptor(descriptor, { keepCase: keepsCase }).lookupType(type);
    try {
      const decoded = message.toObject(message.decode(bytes), {
        longs: longsAsText ? String : Number,
        enums: String,
        bytes: String,
      });
      return jsonOf(Buffer.from(JSON.stringify(decoded)));
    } catch {
      return undefined;
    }
  }
}

function selected(scope: Scope, select: Select): SqlValue {
  if (select.kind === "value") return scope.evaluate(select.value);
  const [only] = select.items;
  const result: Record<string, SqlValue> = {};
  for (const { value, name } of select.items) {
    const found = scope.evaluate(value);
    if (name !== undefined) {
      if (found !== undefined) result[name] = found;
    } else if (value.kind === "payload") {
      if (found instanceof Uint8Array && select.items.length === 1) return found;
      if (only !== undefined) Object.assign(result, membersOf(found));
    } else if (value.kind === "attribute" || value.kind === "member") {
      if (found !== undefined) result[value.name] = found;
    } else throw new Error("an expression of SELECT wants AS");
  }
  return result;
}

function combined(operator: string, left: SqlValue, right: SqlValue): SqlValue {
  if (operator === "=") return areEqual(left, right);
  if (operator === "<>") {
    const equal = areEqual(left, right);
    return equal === undefined ? undefined : !equal;
  }
  if (operator === "AND" || operator === "OR") {
    const [a, b] = [booleanOf(left), booleanOf(right)];
    if (a === undefined || b === undefined) return undefined;
    return operator === "AND" ? a && b : a || b;
  }
  const [a, b] = [decimalOf(left), decimalOf(right)];
  if (operator === "+" && (typeof left === "string" || typeof right === "string"))
    return stringOf(left) + stringOf(right);
  if (a === undefined || b === undefined) return undefined;
  const results: Readonly<Record<string, SqlValue>> = {
    "<": a < b,
    "<=": a <= b,
    ">": a > b,
    ">=": a >= b,
    "+": a + b,
    "-": a - b,
    "*": a * b,
    "/": a / b,
    "%": a % b,
  };
  return results[operator];
}

function cast(value: SqlValue, type: string): SqlValue {
  if (["string", "nvarchar", "text", "varchar"].includes(type))
    return value === undefined ? undefined : stringOf(value);
  const number = typeof value === "boolean" ? Number(value) : decimalOf(value);
  if (["decimal", "double", "numeric"].includes(type)) return number;
  if (["int", "integer"].includes(type)) return number === undefined ? undefined : Math.trunc(number);
  return ["bool", "boolean"].includes(type) ? booleanOf(value) : undefined;
}

function numeric(value: SqlValue, how: (value: number) => number): SqlValue {
  const number = decimalOf(value);
  return number === undefined ? undefined : how(number);
}

function encoded(value: SqlValue): string {
  const bytes = value instanceof Uint8Array ? value : Buffer.from(stringOf(value));
  return Buffer.from(bytes).toString("base64");
}

function jsonOf(payload: Uint8Array): SqlValue {
  try {
    return z.json().parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload)));
  } catch {
    return undefined;
  }
}
