import { type Command, Option } from "commander";
import { AgentError, EXIT } from "../../core/errors.ts";
import { formatCounted } from "../../core/quantity.ts";
import { type Publication, type PublishOutcome, publicationTo } from "../../ports/broker.ts";
import { type CliContext, note, printJson } from "../context.ts";
import { type DeviceSession, openDeviceSession } from "../device-session.ts";
import { readInput, readInputFile } from "../input-file.ts";

/** What is read of stdin for one message, bytes; brokers take far less. */
const MAX_MESSAGE_BYTES = 16_777_216;

type PubOptions = {
  readonly topic?: string;
  readonly message?: string;
  readonly file?: string;
  readonly stdinFile?: true;
  readonly stdinLine?: true;
  readonly nullMessage?: true;
  readonly qos: "0" | "1";
  readonly retain: boolean;
  readonly contentType: string;
  readonly clientId?: string;
};

const HELP = `
The session is one of its own: its client id is the thing name with -mqtt-pub and the number of the process, so that the running agent
stays connected. Where the broker's policy ties the client id to the thing name (AWS IoT Core), it refuses that: let the policy allow
client/THING-*, or stop the agent and give --client-id THING; with the agent running that is refused here. Nothing is stored and
tried again: what is not taken by the broker is said. Run it as root, which becomes the user of the service by itself, or as that user.
Host, port and certificates are those of the configuration, so that -h, -p, --cafile, --cert and --key of mosquitto_pub have no place.

Examples:
  causeway mqtt pub cmd/causeway/truck-0001/test -m hello
  causeway mqtt pub -t dt/causeway/truck-0001/test -f photo.jpg -q 0
  causeway mqtt pub -t dt/causeway/truck-0001/last -r -n     # takes a retained message away
  tail -f readings.txt | causeway mqtt pub -t dt/causeway/truck-0001/test -l`;

/** `causeway mqtt pub`: one message, or one a line. */
export function registerMqttPub(mqtt: Command, context: CliContext): void {
  mqtt
    .command("pub")
    .description("publish a message: that of -m, of -f, or standard input; waits until the broker has taken it")
    .argument("[topic]", "or -t")
    .option("-t, --topic <topic>", "where to")
    .option("-m, --message <text>", "the message")
    .option("-f, --file <file>", "the bytes of a file")
    .option("-s, --stdin-file", "all of standard input as one message (also without -m, -f, -l and -n)")
    .option("-l, --stdin-line", "each line of standard input as a message")
    .option("-n, --null-message", "an empty message")
    .addOption(new Option("-q, --qos <level>", "1 waits for the broker's PUBACK").choices(["0", "1"]).default("1"))
    .option("-r, --retain", "the broker keeps it for those who subscribe later", false)
    .option("--content-type <type>", "media type, such as application/json", "")
    .option("-i, --client-id <id>", "MQTT client id of this session")
    .addHelpText("after", HELP)
    .action((topic: string | undefined, options: PubOptions) => publish(topic, options, context));
}

async function publish(given: string | undefined, options: PubOptions, context: CliContext): Promise<void> {
  const topic = topicOf(given, options);
  checkSources(options);
  // What is wrong with a file is said before the key is used.
  const messages = await messagesOf(options, context);
  await using opened = await openDeviceSession(context, `mqtt-pub-${process.pid}`, options.clientId);
  let sent = 0;
  for await (const payload of messages) {
    // What an interrupt has cut off is no message.
    if (context.signal.aborted) break;
    await deliver(opened, publicationOf(topic, payload, options), context);
    sent += 1;
  }
  if (context.signal.aborted) context.finish(EXIT.interrupted);
  const { qos, retain } = options;
  if (context.options().json) printJson(context, { schemaVersion: 1, topic, messages: sent, qos: Number(qos), retain });
  else if (context.options().verbose) note(context, `${formatCounted(sent, "message")} to ${topic}`);
}

function publicationOf(topic: string, payload: Uint8Array, options: PubOptions): Publication {
  const { qos, retain, contentType } = options;
  return { ...publicationTo(topic, payload, contentType, { retain }), ...(qos === "0" ? { qos: 0 } : {}) };
}

function topicOf(given: string | undefined, { topic }: PubOptions): string {
  const only = given ?? topic;
  if (only === undefined) throw usage("there is no topic", "name it: causeway mqtt pub TOPIC -m TEXT");
  if (given !== undefined && topic !== undefined) throw usage("two topics are given", "give one, or use it twice");
  if (only === "") throw usage("the topic is empty", "name it: causeway mqtt pub TOPIC -m TEXT");
  if (/[#+]/.test(only)) throw usage(`${only}: a topic to publish to has no wildcard`, "name one topic");
  return only;
}

function checkSources({ message, file, stdinFile, stdinLine, nullMessage }: PubOptions): void {
  const given = [message, file, stdinFile, stdinLine, nullMessage].filter((one) => one !== undefined);
  if (given.length > 1) throw usage("-m, -f, -s, -l and -n exclude each other", "give one of them");
}

function usage(what: string, remedy: string): AgentError {
  return new AgentError("usage.invalid", { what, remedy });
}

async function messagesOf(options: PubOptions, context: CliContext): Promise<AsyncIterable<Uint8Array>> {
  const { message, file, stdinLine, nullMessage } = options;
  if (message !== undefined) return one(new TextEncoder().encode(message));
  if (nullMessage === true) return one(new Uint8Array(0));
  if (file !== undefined) return one(await readInputFile(file));
  // Not before the session: a verb that root runs may have to be run anew, and read it then.
  return stdinLine === true ? lines(readInput(context, "-")) : whole(readInput(context, "-"));
}

async function* one(payload: Uint8Array): AsyncGenerator<Uint8Array> {
  yield payload;
}

async function* whole(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const kept: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    checkLength(bytes);
    kept.push(piece.slice());
  }
  yield Buffer.concat(kept);
}

/** Lines without their ends; what stands behind the last end is one too. */
async function* lines(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = Buffer.alloc(0);
  for await (const piece of pieces) {
    rest = Buffer.concat([rest, piece]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      yield rest.subarray(0, end);
      rest = rest.subarray(end + 1);
    }
    checkLength(rest.length);
  }
  if (rest.length > 0) yield rest;
}

function checkLength(bytes: number): void {
  if (bytes <= MAX_MESSAGE_BYTES) return;
  throw new AgentError("input.malformed", {
    what: `standard input has more than ${MAX_MESSAGE_BYTES} bytes for one message`,
    remedy: "send it in parts, or each line with -l",
  });
}

async function deliver(
  { session, config }: DeviceSession,
  publication: Publication,
  context: CliContext,
): Promise<void> {
  const { clock, signal } = context;
  const late = new AbortController();
  const ended = AbortSignal.any([signal, late.signal]);
  const outcome = await Promise.race([
    session.publish(publication),
    clock.sleep(context.options().timeoutMs, ended).then((): PublishOutcome => ({ kind: "offline" })),
  ]);
  late.abort();
  if (outcome.kind === "acked") return;
  throw faultOf(outcome, publication, { host: config.broker.host, lost: session.status().fault?.what });
}

/** `lost`: why the session is over, where it is. */
function faultOf(
  outcome: Exclude<PublishOutcome, { kind: "acked" }>,
  { topic, payload }: Publication,
  { host, lost }: { readonly host: string; readonly lost: string | undefined },
): AgentError {
  switch (outcome.kind) {
    case "rejected":
      return new AgentError("broker.not-authorised", {
        what: `${host} refused the message to ${topic}: ${outcome.reason}`,
        remedy: "let the broker's policy allow this thing to publish to the topic",
      });
    case "too-large":
      return new AgentError("input.malformed", {
        what: `${payload.length} bytes are more than ${host} takes in one message`,
        remedy: "send less, or in parts",
      });
    case "offline": {
      const { ended } = outcome;
      const why = ended === undefined ? (lost ?? "no PUBACK came in time") : `it ended the connection: ${ended.reason}`;
      return new AgentError("broker.unreachable", {
        what: `${host} did not take the message to ${topic}: ${why}`,
        remedy:
          "it may have arrived or not: send it again where twice does no harm. AWS IoT Core ends the connection where the policy does not allow the topic; mosquitto before 2.0.22 with max_queued_messages 0 does too",
      });
    }
  }
}
