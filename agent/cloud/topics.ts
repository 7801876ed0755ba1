import type { AgentConfig } from "../../config/schema.ts";
import type { StreamName } from "../ports/outbox.ts";

/** Topic templates of the configuration. */
export type TopicTemplates = AgentConfig["topics"];

/** The topics of one thing. */
export type Topics = {
  /** Where records of a stream go. */
  record(stream: StreamName): string;
  /** Where the signal table with this id is kept, retained. */
  schema(id: string): string;
  readonly presence: string;
  /** Where the certificate in use is announced, retained. */
  readonly identity: string;
  /** Where `connect test` publishes: the record topic with `test` in the place of the stream, so that the policy for records covers it. */
  readonly test: string;
};

/** Fills `{thing}`, `{stream}` and `{id}` in the templates; anything else in braces stays as it is. */
export function createTopics(templates: TopicTemplates, thing: string): Topics {
  const fill = (template: string, values: Readonly<Record<string, string>>): string =>
    template.replace(/\{(\w+)\}/g, (placeholder, name: string) => values[name] ?? placeholder);
  return {
    record: (stream) => fill(templates.record, { thing, stream }),
    schema: (id) => fill(templates.schema, { thing, id }),
    presence: fill(templates.presence, { thing }),
    identity: fill(templates.identity, { thing }),
    test: fill(templates.record, { thing, stream: "test" }),
  };
}
