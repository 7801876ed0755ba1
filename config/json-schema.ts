/** A JSON Schema, or a part of one, as `z.toJSONSchema` gives it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Whether it is an object that is no list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The schema and all that it combines (anyOf, oneOf, allOf). */
export function alternatives(schema: unknown): readonly JsonSchema[] {
  if (!isRecord(schema)) return [];
  const nested = [schema.anyOf, schema.oneOf, schema.allOf].flatMap((list): unknown[] =>
    Array.isArray(list) ? list : [],
  );
  return [schema, ...nested.flatMap(alternatives)];
}

/** The alternatives for the items of lists that `schemas` describe. */
export function itemSchemas(schemas: readonly JsonSchema[]): readonly JsonSchema[] {
  return schemas.flatMap(({ items }) => alternatives(items));
}

/** The alternatives for the key of maps that `schemas` describe. */
export function keySchemas(schemas: readonly JsonSchema[], key: string): readonly JsonSchema[] {
  return schemas.flatMap(({ properties }) =>
    isRecord(properties) && Object.hasOwn(properties, key) ? alternatives(properties[key]) : [],
  );
}

/** What is at a path of maps and lists; undefined when nothing is. */
export function valueAt(value: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((above, key) => {
    return typeof above === "object" && above !== null ? Reflect.get(above, key) : undefined;
  }, value);
}
