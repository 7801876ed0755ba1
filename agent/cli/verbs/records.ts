import type { Command } from "commander";
import type { CliContext } from "../context.ts";
import { registerDecode } from "./records-decode.ts";
import { registerExport } from "./records-export.ts";

/** `causeway records decode|export`: payloads as received from the broker to NDJSON, CSV or Parquet, or to a log of frames; works with the daemon down. */
export function registerRecords(program: Command, context: CliContext): void {
  const records = program.command("records").description("read stored or received records");
  registerExport(records, context);
  registerDecode(records, context);
}
