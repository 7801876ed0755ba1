import type { ProgramLimits } from "../../config/programs.ts";
import type { ProgramRecord, ProgramValue } from "../telemetry/record/encode/program-record.ts";

/** What a program may hand over. */
export type RecordSchema = Pick<ProgramLimits, "values"> & { readonly contentTypes?: readonly string[] | undefined };

const TYPES = { number: "number", boolean: "boolean", text: "string" } as const;

/** Why `schema` does not have this record, in words; undefined when it does. */
export function schemaProblem(schema: RecordSchema, record: ProgramRecord): string | undefined {
  if (record.kind === "values") return record.values.map((value) => valueProblem(schema, value)).find(Boolean);
  const { contentTypes } = schema;
  if (contentTypes === undefined || contentTypes.includes(record.contentType)) return undefined;
  return `bytes of ${record.contentType} are not in its contentTypes`;
}

function valueProblem({ values }: RecordSchema, { name, value, unit }: ProgramValue): string | undefined {
  if (values === undefined) return undefined;
  const wanted = Object.hasOwn(values, name) ? values[name] : undefined;
  if (wanted === undefined) return `the value ${name} is not in its values`;
  if (typeof value !== TYPES[wanted.type]) return `the value ${name} must be ${wanted.type}`;
  if (wanted.unit === undefined || wanted.unit === unit) return undefined;
  return `the value ${name} must have the unit ${wanted.unit}`;
}
