import { type FileHandle, open } from "node:fs/promises";
import { type Command, InvalidArgumentError, Option } from "commander";
import { AgentError, EXIT } from "../../core/errors.ts";
import { exactLine } from "../../core/exact-json.ts";
import { formatCounted } from "../../core/quantity.ts";
import { STREAMS, type StreamName } from "../../ports/outbox.ts";
import { type ExportedRecord, storedRecords } from "../buffer-source.ts";
import { type CliContext, note, printProblem } from "../context.ts";
import { unwritable } from "../output-file.ts";
import { KEY_OPTION, type PayloadReader, payloadReader } from "../payload-reader.ts";

type ExportOptions = {
  readonly output?: string;
  readonly stream?: StreamName;
  readonly limit?: number;
  readonly raw: boolean;
  readonly refused: boolean;
  readonly key?: string;
};

const HELP = `
Without --raw a line is a record as records decode --records shows it; with it, class and payload in hexadecimal, which records decode
reads as it is. A running agent is asked through admin.sock, since payloads may tell where the vehicle was; it decrypts what it stores
encrypted. Without one its file is read as it is, a little at a time, and nothing in it changes; what is encrypted there is left out and said
so (69). Payloads for the receiver of encode.encryption need --key, or --raw. Records that the broker refused for good are
stored until there is no room for them; --refused gives those, and not what waits.

Examples:
  causeway buffer export -o records.ndjson
  causeway buffer export --stream event --limit 100
  causeway buffer export --refused | jq .body
  causeway buffer export --raw -o payloads.hex && causeway records decode --table table.bin payloads.hex`;

/** `causeway buffer export`: the stored records, with the daemon up or down; none is taken away. */
export function registerBufferExport(buffer: Command, context: CliContext): void {
  buffer
    .command("export")
    .description(
      "stored records with what is in them, oldest first of each stream; they stay stored; 2 when there is none",
    )
    .option("-o, --output <file>", "where to, readable for this user alone; standard output when absent")
    .addOption(new Option("--stream <name>", "only this stream").choices(STREAMS))
    .option("--limit <count>", "at most so many", parseCount)
    .option("--refused", "the records that the broker refused for good, in the place of those that wait", false)
    .option("--raw", "payloads as the broker would get them, in hexadecimal", false)
    .option(...KEY_OPTION)
    .addHelpText("after", HELP)
    .action((options: ExportOptions) => exportRecords(options, context));
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1_000_000_000)
    throw new InvalidArgumentError("Give a whole number from 1 to 1000000000.");
  return count;
}

async function exportRecords(options: ExportOptions, context: CliContext): Promise<void> {
  const { stream, limit, raw, refused, key, output } = options;
  const lineOf = raw ? rawLine : decodedLine(await payloadReader(key));
  const records = storedRecords(context, { stream, limit, state: refused ? "dead" : "waiting" });
  // The first is asked for before the file is made: without one there is none, and one of before stays.
  const first = await records.next();
  await using writer = await writerTo(first.done === true ? undefined : output, context);
  let written = 0;
  let unread = 0;
  for (let next = first; next.done !== true; next = await records.next()) {
    const line = await lineOf(next.value).catch((thrown: unknown) => problemOf(thrown, next.value, unread, context));
    if (line === undefined) unread += 1;
    else {
      await writer.write(`${line}\n`);
      written += 1;
    }
    if (context.signal.aborted) break;
  }
  // It may have ended the records too.
  if (context.signal.aborted) return context.finish(EXIT.interrupted);
  if (unread > 0) {
    note(context, `${formatCounted(unread, "record is", "records are")} left out`);
    context.finish(EXIT.badInput);
  } else if (written === 0) {
    note(context, refused ? "no refused record is stored" : "nothing is stored");
    context.finish(EXIT.nothingToDo);
  } else if (output !== undefined) note(context, `${formatCounted(written, "record")} in ${output}`);
}

function rawLine({ stream, payload }: ExportedRecord): Promise<string> {
  return Promise.resolve(`${stream} ${Buffer.from(payload).toString("hex")}`);
}

function decodedLine(reader: PayloadReader): (record: ExportedRecord) => Promise<string> {
  return async ({ payload }) => exactLine({ schemaVersion: 1, ...(await reader.decode(payload)) });
}

/** Tells what is wrong with the first of them; they are often all alike. */
function problemOf(thrown: unknown, { stream, seq }: ExportedRecord, before: number, context: CliContext): undefined {
  if (!(thrown instanceof AgentError)) throw thrown;
  if (before > 0) return;
  printProblem(context, {
    what: `${stream} ${seq}: ${thrown.message}`,
    remedy: `${thrown.remedy} --raw gives payloads as they are.`,
  });
}

type Writer = AsyncDisposable & { readonly write: (text: string) => Promise<void> };

async function writerTo(path: string | undefined, { terminal }: CliContext): Promise<Writer> {
  if (path === undefined) {
    const write = async (text: string): Promise<void> => {
      terminal.stdout.write(text);
      await terminal.stdout.drained?.();
    };
    return { write, [Symbol.asyncDispose]: () => Promise.resolve() };
  }
  const file = await guarded(path, () => openAlone(path));
  return {
    write: (text) => guarded(path, () => file.appendFile(text)),
    [Symbol.asyncDispose]: () => closed(path, file),
  };
}

/** One that was there already gets the mode before it gets a record. */
async function openAlone(path: string): Promise<FileHandle> {
  const file = await open(path, "w", 0o600);
  try {
    if ((await file.stat()).isFile()) await file.chmod(0o600);
    return file;
  } catch (cause) {
    await file.close();
    throw cause;
  }
}

async function closed(path: string, file: FileHandle): Promise<void> {
  // What is no file, such as /dev/null, cannot be synced and need not be.
  if ((await file.stat()).isFile()) await guarded(path, () => file.sync());
  await file.close();
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw unwritable(path, cause);
  }
}
