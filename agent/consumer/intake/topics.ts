/** Topics of records as the vehicles' configuration has them (`topics.record`, `topics.schema`), with {thing}, {stream} and {id}. */
export type TopicTemplates = {
  readonly record: string;
  readonly schema: string;
  /** Of records in the form of another cloud, with {thing} alone. */
  readonly foreign?: readonly string[];
};

/** What a topic says of the record on it. */
export type TopicOwner =
  | { readonly kind: "record"; readonly thing: string; readonly stream: string }
  /** `key`: the id of a signal table, a dot and the number of the part. */
  | { readonly kind: "schema"; readonly thing: string; readonly key: string }
  | { readonly kind: "foreign"; readonly thing: string };

/** Reads topics. */
export interface TopicReader {
  /** Filters of all things: those of records are shared by a group, each worker gets the tables. */
  readonly filters: { readonly records: readonly string[]; readonly schema: string };
  /** Undefined for a topic that no record stands on. */
  ownerOf(topic: string): TopicOwner | undefined;
  recordTopic(thing: string, stream: string): string;
  /** Topic of one part of a signal table. */
  schemaTopic(thing: string, key: string): string;
}

/** A reader of topics that were made by `templates`. Without {thing} or {stream} in one it knows no owner: the settings see to that. */
export function createTopicReader({ record, schema, foreign = [] }: TopicTemplates): TopicReader {
  const recordPattern = patternOf(record);
  const schemaPattern = patternOf(schema);
  const foreignPatterns = foreign.map(patternOf);
  return {
    filters: { records: [record, ...foreign].map(filterOf), schema: filterOf(schema) },
    ownerOf: (topic) => {
      const table = schemaPattern.exec(topic)?.groups;
      if (table !== undefined) return { kind: "schema", thing: table.thing, key: table.id };
      const found = recordPattern.exec(topic)?.groups;
      if (found !== undefined) return { kind: "record", thing: found.thing, stream: found.stream };
      const other = foreignPatterns
        .map((pattern) => pattern.exec(topic)?.groups)
        .find((groups) => groups !== undefined);
      return other === undefined ? undefined : { kind: "foreign", thing: other.thing };
    },
    recordTopic: (thing, stream) => record.replaceAll("{thing}", thing).replaceAll("{stream}", stream),
    schemaTopic: (thing, key) => schema.replaceAll("{thing}", thing).replaceAll("{id}", key),
  };
}

function filterOf(template: string): string {
  return template
    .split("/")
    .map((level) => (/\{\w+\}/.test(level) ? "+" : level))
    .join("/");
}

function patternOf(template: string): RegExp {
  const text = template.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&");
  return new RegExp(`^${text.replaceAll(/\{(\w+)\}/g, "(?<$1>[^/]+)")}$`);
}
