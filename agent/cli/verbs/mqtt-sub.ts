import { type Command, InvalidArgumentError, Option } from "commander";
import { AgentError, EXIT } from "../../core/errors.ts";
import { formatCounted } from "../../core/quantity.ts";
import { WakeSignal } from "../../core/wake-signal.ts";
import type { Broker, ReceivedPublish } from "../../ports/broker.ts";
import { type CliContext, note, printJson } from "../context.ts";
import { openDeviceSession } from "../device-session.ts";
import { forTerminal, type MessageFormat, messageFormat, messageJson } from "../message-format.ts";
import { wholeNumber } from "../whole-number.ts";

/** Messages that wait for a slow reader of stdout. */
const MAX_WAITING = 10_000;
/** How often the connection is looked at while nothing comes, ms. */
const LOOK_MS = 250;

type SubOptions = {
  readonly topic: readonly string[];
  readonly count?: number;
  readonly n?: number;
  readonly seconds?: number;
  readonly format?: string;
  readonly newline: boolean;
  readonly clientId?: string;
};

const HELP = `
Each payload is followed by a line feed, as with mosquitto_sub; -v shows the topic before it, and -N leaves the line feed out. On a terminal
what would steer it is shown as "?", and bytes that are no text in hexadecimal. With --json one object a message.

The session is one of its own and ends with the verb: messages of QoS 0 and 1 are taken, and none waits for the next time. Its client id is
the thing name with -mqtt-sub and the number of the process, so that the running agent stays connected; see causeway mqtt pub --help.
Ends with 2 when nothing came until -W, and with 75 when less than -C.

Examples:
  causeway mqtt sub 'cmd/causeway/truck-0001/#' -v
  causeway mqtt sub -t 'dt/causeway/truck-0001/schema/+' -C 1 -N > table.bin
  causeway mqtt sub 'dt/causeway/truck-0001/#' -F %x -W 60 | causeway records decode`;

/** `causeway mqtt sub`: what comes on topics, until enough came, the time is over, or an interrupt. */
export function registerMqttSub(mqtt: Command, context: CliContext): void {
  mqtt
    .command("sub")
    .description("subscribe to topics and print what comes")
    .argument("[filter...]", "or -t; + stands for one level, # for the rest")
    .option("-t, --topic <filter>", "may be repeated", (one: string, before: readonly string[]) => [...before, one], [])
    .option("-C, --count <messages>", "end after so many (also -n)", wholeNumber)
    .addOption(new Option("-n <messages>").argParser(wholeNumber).hideHelp())
    .option("-W, --seconds <time>", "end after this time", secondsOf)
    .option("-F, --format <format>", "of %t topic, %p payload, %x in hexadecimal, %l length, %%")
    .option("-N, --no-newline", "no line feed behind a payload")
    .addOption(new Option("-q, --qos <level>").choices(["0", "1"]).hideHelp())
    .option("-i, --client-id <id>", "MQTT client id of this session")
    .addHelpText("after", HELP)
    .action((filters: string[], options: SubOptions) => subscribe(filters, options, context));
}

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= 86_400)) throw new InvalidArgumentError("Give seconds, more than 0, at most 86400.");
  return seconds;
}

async function subscribe(given: readonly string[], options: SubOptions, context: CliContext): Promise<void> {
  const filters = [...new Set([...given, ...options.topic])];
  if (filters.length === 0) {
    throw new AgentError("usage.invalid", {
      what: "there is no filter",
      remedy: "name one, such as: causeway mqtt sub 'cmd/causeway/truck-0001/#'",
    });
  }
  for (const filter of filters) checkFilter(filter);
  const print = printerOf(options, context);
  await using opened = await openDeviceSession(context, `mqtt-sub-${process.pid}`, options.clientId);
  const { session } = opened;
  const arrivals = new Arrivals(context);
  for (const filter of filters) await session.subscribe(filter, (message) => arrivals.take(message));
  if (context.options().verbose) note(context, `subscribed to ${filters.join(", ")}`);
  const most = options.count ?? options.n;
  const printed = await printAll({ session, arrivals, print }, { most, seconds: options.seconds }, context);
  if (arrivals.lost > 0) {
    note(
      context,
      `${formatCounted(arrivals.lost, "message was", "messages were")} lost: who reads the output is slower than they came`,
    );
    return context.finish(EXIT.failed);
  }
  if (context.signal.aborted) return;
  if (printed === 0) context.finish(EXIT.nothingToDo);
  else if (most !== undefined && printed < most) context.finish(EXIT.temporary);
}

/** Throws `usage.invalid` for what is no topic filter (MQTT 5.0, 4.7.1 and 4.8.2): no broker would answer it. */
function checkFilter(filter: string): void {
  const levels = filter.split("/");
  const hasWildcardsAlone = levels.every((level) => level === "+" || level === "#" || !/[+#]/.test(level));
  const isEndless = levels.slice(0, -1).includes("#");
  const isShared = levels[0] === "$share";
  const lacksGroup = isShared && (levels.length < 3 || levels[1] === "" || /[+#]/.test(levels[1]));
  if (filter !== "" && hasWildcardsAlone && !isEndless && !lacksGroup) return;
  throw new AgentError("usage.invalid", {
    what: `${filter === "" ? "an empty text" : filter} is no filter`,
    remedy: "+ and # stand for whole levels, # for the last ones: dt/+/speed, dt/#, $share/GROUP/dt/#",
  });
}

/** Messages between the session and whoever prints them. */
class Arrivals {
  readonly #waiting: ReceivedPublish[] = [];
  readonly #wake: WakeSignal;
  #last: ReceivedPublish | undefined;
  lost = 0;

  constructor({ clock, signal }: CliContext) {
    this.#wake = new WakeSignal(clock);
    signal.addEventListener("abort", () => this.#wake.wake(), { once: true });
  }

  take(message: ReceivedPublish): void {
    // One that fits two filters is handed over for each.
    if (message === this.#last) return;
    this.#last = message;
    if (this.#waiting.length >= MAX_WAITING) this.lost += 1;
    else this.#waiting.push(message);
    this.#wake.wake();
  }

  next(): ReceivedPublish | undefined {
    return this.#waiting.shift();
  }

  async more(untilMs: number): Promise<void> {
    await this.#wake.until(untilMs);
  }
}

type Subscribed = {
  readonly session: Broker;
  readonly arrivals: Arrivals;
  readonly print: (message: ReceivedPublish) => void;
};
type Until = { readonly most: number | undefined; readonly seconds: number | undefined };

/** Gives how many were printed. Throws the fault of a connection that ends. */
async function printAll(
  { session, arrivals, print }: Subscribed,
  { most = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY }: Until,
  { clock, signal, terminal }: CliContext,
): Promise<number> {
  const endMs = clock.monotonicMs() + seconds * 1000;
  let printed = 0;
  while (!signal.aborted && printed < most && clock.monotonicMs() < endMs) {
    const message = arrivals.next();
    if (message !== undefined) {
      print(message);
      printed += 1;
      await terminal.stdout.drained?.();
      continue;
    }
    const { state, fault } = session.status();
    if (state === "offline" && fault !== undefined) throw new AgentError(fault.code, fault);
    await arrivals.more(Math.min(endMs, clock.monotonicMs() + LOOK_MS));
  }
  return printed;
}

function printerOf(options: SubOptions, context: CliContext): (message: ReceivedPublish) => void {
  const { json, verbose } = context.options();
  if (json) return (message) => printJson(context, messageJson(message));
  const format: MessageFormat = messageFormat(options.format ?? (verbose ? "%t %p" : "%p"));
  const end = options.newline ? "\n" : "";
  const { stdout } = context.terminal;
  return (message) => {
    const bytes = format(message);
    if (stdout.isTerminal || stdout.writeBytes === undefined) stdout.write(`${forTerminal(bytes)}${end}`);
    else stdout.writeBytes(Buffer.concat([bytes, Buffer.from(end)]));
  };
}
