import { DuckDBInstance, type Json } from "@duckdb/node-api";
import { onTestFinished } from "vitest";

/** A DuckDB in memory, of the running test: rows of a query as arrays of texts, exact. */
export async function duckdb(): Promise<(sql: string) => Promise<readonly (readonly string[])[]>> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  onTestFinished(() => {
    connection.closeSync();
    instance.closeSync();
  });
  await connection.run("SET TimeZone = 'UTC'");
  return async (sql) => {
    const reader = await connection.runAndReadAll(sql);
    return reader.getRowsJson().map((row) => row.map(cellText));
  };
}

/** A cell as text, exact; empty for none. */
export function cellText(cell: Json): string {
  if (cell === null) return "";
  return typeof cell === "string" ? cell : JSON.stringify(cell);
}
