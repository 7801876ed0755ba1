/** A statement of AWS IoT SQL (developer guide, "AWS IoT SQL reference"), as far as rules of config/aws use it. */
export type Statement = {
  /** SET @name = expression. */
  readonly sets: readonly (readonly [name: string, value: Expression])[];
  readonly select: Select;
  /** Topic filter; absent for Basic Ingest alone. */
  readonly from: string | undefined;
  readonly where: Expression | undefined;
};

export type Select =
  | { readonly kind: "value"; readonly value: Expression }
  | { readonly kind: "items"; readonly items: readonly SelectItem[] };

/** `name` undefined: `*`, whose members (or bytes) come as they are, or an expression without AS. */
export type SelectItem = { readonly value: Expression; readonly name: string | undefined };

export type Expression =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "payload" }
  | { readonly kind: "variable"; readonly name: string }
  | { readonly kind: "attribute"; readonly name: string }
  | { readonly kind: "member"; readonly of: Expression; readonly name: string }
  | { readonly kind: "call"; readonly name: string; readonly args: readonly Expression[] }
  | {
      readonly kind: "case";
      readonly value: Expression;
      readonly cases: readonly Case[];
      readonly otherwise: Expression | undefined;
    }
  | { readonly kind: "cast"; readonly value: Expression; readonly type: string }
  | { readonly kind: "not"; readonly value: Expression }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Expression; readonly right: Expression };

/** WHEN a value THEN a result. */
export type Case = { readonly when: Expression; readonly result: Expression };

type Token = { readonly kind: "word" | "number" | "text" | "sign" | "end"; readonly text: string; readonly at: number };

const TOKEN = /\s*(?:(@?[A-Za-z_]\w*)|(\d+(?:\.\d+)?)|'((?:[^']|'')*)'|"((?:[^"])*)"|(<>|<=|>=|[-+*/%(),.=<>]))/y;
/** From what binds loosest to what binds tightest (developer guide, "Operators"). */
const LEVELS: readonly (readonly string[])[] = [
  ["OR"],
  ["AND"],
  ["=", "<>", "<", "<=", ">", ">="],
  ["+", "-"],
  ["*", "/", "%"],
];

/** The statement in `sql`. Throws for what is none, and for syntax that this bench does not know. */
export function parseStatement(sql: string): Statement {
  const parser = new Parser(tokensOf(sql), sql);
  return parser.statement();
}

/** The expression in `text`, as substitution templates hold one. */
export function parseExpression(text: string): Expression {
  const parser = new Parser(tokensOf(text), text);
  const parsed = parser.expression();
  parser.end();
  return parsed;
}

function tokensOf(sql: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  while (sql.slice(TOKEN.lastIndex).trim() !== "") {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(sql);
    if (match === null) throw new Error(`no token of SQL at ${at}: ${sql.slice(at, at + 20)}`);
    const [, word, number, single, double, sign] = match;
    const text = single?.replaceAll("''", "'") ?? double;
    if (word !== undefined) tokens.push({ kind: "word", text: word, at });
    else if (number !== undefined) tokens.push({ kind: "number", text: number, at });
    else if (text !== undefined) tokens.push({ kind: "text", text, at });
    else tokens.push({ kind: "sign", text: sign ?? "", at });
  }
  tokens.push({ kind: "end", text: "", at: sql.length });
  return tokens;
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #sql: string;
  #next = 0;

  constructor(tokens: readonly Token[], sql: string) {
    this.#tokens = tokens;
    this.#sql = sql;
  }

  statement(): Statement {
    const sets: (readonly [string, Expression])[] = [];
    while (this.#takes("SET") || (sets.length > 0 && this.#takes(","))) sets.push(this.#assignment());
    this.#demand("SELECT");
    const select = this.#select();
    const from = this.#takes("FROM") ? this.#take("text").text : undefined;
    const where = this.#takes("WHERE") ? this.expression() : undefined;
    this.end();
    return { sets, select, from, where };
  }

  end(): void {
    if (this.#peek().kind !== "end") this.#refuse("the end");
  }

  expression(level = 0): Expression {
    const operators = LEVELS[level];
    if (operators === undefined) return this.#postfix();
    if (operators.includes("AND") && this.#takes("NOT")) return { kind: "not", value: this.expression(level + 1) };
    let left = this.expression(level + 1);
    for (;;) {
      const operator = operators.find((one) => this.#takes(one));
      if (operator === undefined) return left;
      const isNot = operator === "AND" && this.#takes("NOT");
      const right = this.expression(level + 1);
      left = { kind: "binary", operator, left, right: isNot ? { kind: "not", value: right } : right };
    }
  }

  #assignment(): readonly [string, Expression] {
    const { text } = this.#take("word");
    this.#demand("=");
    return [text, this.expression()];
  }

  #select(): Select {
    if (this.#takes("VALUE")) return { kind: "value", value: this.expression() };
    const items: SelectItem[] = [];
    do {
      const value = this.expression();
      items.push({ value, name: this.#takes("AS") ? this.#take("word").text : undefined });
    } while (this.#takes(","));
    return { kind: "items", items };
  }

  #postfix(): Expression {
    let value = this.#primary();
    while (this.#takes(".")) value = { kind: "member", of: value, name: this.#take("word").text };
    return value;
  }

  #primary(): Expression {
    const token = this.#peek();
    this.#next += 1;
    if (token.kind === "number") return { kind: "literal", value: Number(token.text) };
    if (token.kind === "text") return { kind: "literal", value: token.text };
    if (token.text === "*") return { kind: "payload" };
    if (token.text === "(") {
      const inner = this.expression();
      this.#demand(")");
      return inner;
    }
    if (token.kind !== "word") return this.#refuse("an expression");
    if (token.text.toUpperCase() === "CASE") return this.#case();
    if (token.text.startsWith("@")) return { kind: "variable", name: token.text };
    if (!this.#takes("(")) return wordOf(token.text);
    return token.text.toLowerCase() === "cast" ? this.#cast() : this.#call(token.text);
  }

  #call(name: string): Expression {
    const args: Expression[] = [];
    if (this.#takes(")")) return { kind: "call", name: name.toLowerCase(), args };
    do args.push(this.expression());
    while (this.#takes(","));
    this.#demand(")");
    return { kind: "call", name: name.toLowerCase(), args };
  }

  #case(): Expression {
    const value = this.expression();
    const cases: Case[] = [];
    while (this.#takes("WHEN")) {
      const when = this.expression();
      this.#demand("THEN");
      cases.push({ when, result: this.expression() });
    }
    const otherwise = this.#takes("ELSE") ? this.expression() : undefined;
    this.#demand("END");
    return { kind: "case", value, cases, otherwise };
  }

  #cast(): Expression {
    const value = this.expression();
    this.#demand("AS");
    const type = this.#take("word").text.toLowerCase();
    this.#demand(")");
    return { kind: "cast", value, type };
  }

  #peek(): Token {
    return this.#tokens[this.#next] ?? { kind: "end", text: "", at: this.#sql.length };
  }

  /** Key words are of any case; attributes are not. */
  #takes(text: string): boolean {
    const token = this.#peek();
    const isIt = (token.kind === "word" || token.kind === "sign") && token.text.toUpperCase() === text;
    if (isIt) this.#next += 1;
    return isIt;
  }

  #take(kind: Token["kind"]): Token {
    const token = this.#peek();
    if (token.kind !== kind) return this.#refuse(`a ${kind}`);
    this.#next += 1;
    return token;
  }

  #demand(text: string): void {
    if (!this.#takes(text)) this.#refuse(text);
  }

  #refuse(wanted: string): never {
    const { at } = this.#peek();
    throw new Error(`${wanted} is wanted at ${at} of SQL: ${this.#sql.slice(at, at + 30)}`);
  }
}

function wordOf(text: string): Expression {
  const literals: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };
  const literal = literals[text.toLowerCase()];
  return literal === undefined ? { kind: "attribute", name: text } : { kind: "literal", value: literal };
}
