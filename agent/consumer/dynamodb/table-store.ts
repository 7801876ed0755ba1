import { createHash } from "node:crypto";
import { exactLine } from "../../core/exact-json.ts";
import type { RecordReader } from "../../telemetry/record/read/record-reader.ts";
import { type RecordTable, type TableBody, withPart } from "../store/record-table.ts";
import { damaged, number, text } from "./attributes.ts";
import type { DynamoTable, Item } from "./table-client.ts";

/** Parts of signal tables, an item each: the payload of a record that held it, so that it is read as one is that arrives. */
export class TableStore {
  readonly #table: DynamoTable;
  readonly #reader: RecordReader;

  constructor(table: DynamoTable, reader: RecordReader) {
    this.#table = table;
    this.#reader = reader;
  }

  /** The same part again, which comes with each start of the agent, is the same item. `expiresAt` in s since the Unix epoch. */
  async save(thing: string, part: TableBody, payload: Uint8Array, expiresAt: number): Promise<void> {
    const digest = createHash("sha256").update(exactLine(part)).digest("hex").slice(0, 32);
    const fact = text(`${prefixOf(part.id)}${digest}`);
    await this.#table.put({ thing: text(thing), fact, content: { B: payload }, expires_at: number(expiresAt) });
  }

  /** As far as its parts are there; undefined without any. */
  async read(thing: string, id: string): Promise<RecordTable | undefined> {
    const expression = "thing = :thing AND begins_with(fact, :table)";
    let table: RecordTable | undefined;
    for await (const item of this.#table.query({
      expression,
      values: { ":thing": text(thing), ":table": text(prefixOf(id)) },
    })) {
      table = withPart(table, this.#partOf(item));
    }
    return table;
  }

  #partOf(item: Item): TableBody {
    const { body } = this.#reader.decode(item.content?.B ?? new Uint8Array());
    if (body.kind !== "table") throw damaged(item, `holds ${body.kind}, not a part of a signal table`);
    return body;
  }
}

function prefixOf(id: string): string {
  return `table#${id}#`;
}
