import { z } from "zod";
import { type Status, statusSchema } from "../../../agent/local-api/status-schema.ts";

/** As much of a JSON Schema as the status needs. */
type Node = {
  readonly type?: string | undefined;
  readonly enum?: readonly unknown[] | undefined;
  readonly const?: unknown;
  readonly minimum?: number | undefined;
  readonly maximum?: number | undefined;
  readonly anyOf?: readonly Node[] | undefined;
  readonly items?: Node | undefined;
  readonly properties?: Readonly<Record<string, Node>> | undefined;
  readonly additionalProperties?: Node | boolean | undefined;
  readonly propertyNames?: Node | undefined;
};

const node: z.ZodType<Node> = z.lazy(() =>
  z.looseObject({
    type: z.string().optional(),
    enum: z.array(z.unknown()).optional(),
    minimum: z.number().optional(),
    maximum: z.number().optional(),
    anyOf: z.array(node).optional(),
    items: node.optional(),
    properties: z.record(z.string(), node).optional(),
    additionalProperties: z.union([node, z.boolean()]).optional(),
    propertyNames: node.optional(),
  }),
);

const SCHEMA = node.parse(z.toJSONSchema(statusSchema, { io: "input" }));

/** Where a number is in a status: "buses[].received", "sleep.wakes.counts.*". */
export type NumberPath = string;

/**
 * A status with everything in it that the schema knows, one of each list, and every number another; the number at `raised` is larger by
 * one. Gives the paths of its numbers too.
 */
export function fullStatus(raised?: NumberPath): { readonly status: Status; readonly paths: readonly NumberPath[] } {
  const paths: NumberPath[] = [];
  const numberAt = (path: NumberPath, most: number): number => {
    if (!paths.includes(path)) paths.push(path);
    return Math.min(most - 1, 20 + paths.indexOf(path)) + (path === raised ? 1 : 0);
  };
  const valueOf = (part: Node, path: string): unknown => {
    if (part.const !== undefined) return part.const;
    if (part.enum !== undefined) return part.enum[0];
    if (part.anyOf !== undefined) return valueOf(part.anyOf[0] ?? {}, path);
    if (part.type === "number" || part.type === "integer") return numberAt(path, part.maximum ?? 1e9);
    if (part.type === "string") return path.endsWith(".notAfter") ? "2026-01-19T00:00:00Z" : `text of ${path}`;
    if (part.type === "boolean") return true;
    if (part.type === "array") return [valueOf(part.items ?? {}, `${path}[]`)];
    const inside = Object.entries(part.properties ?? {}).map(
      ([name, property]) => [name, valueOf(property, path === "" ? name : `${path}.${name}`)] as const,
    );
    if (typeof part.additionalProperties !== "object") return Object.fromEntries(inside);
    return Object.fromEntries([
      ...inside,
      [part.propertyNames?.enum?.[0] ?? "any", valueOf(part.additionalProperties, `${path}.*`)] as const,
    ]);
  };
  return { status: statusSchema.parse(valueOf(SCHEMA, "")), paths };
}
