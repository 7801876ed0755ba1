import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import type { Message, MessageBus } from "@jellybrick/dbus-next";
import { AgentError, type FaultDetail, messageOf } from "../../agent/core/errors.ts";
import { plainOf } from "./plain-value.ts";

/** More than any answer that we ask for: ModemManager's and NetworkManager's largest have some 10 kB. */
const MOST_UNREAD_BYTES = 1_000_000;
/** The names of D-Bus errors that say no; the other ones may heal. */
const REFUSALS = /\.(AccessDenied|AuthFailed|InteractiveAuthorizationRequired|NotAuthorized|Unauthorized)$/;
const ABSENCES = /\.(ServiceUnknown|NameHasNoOwner|NoReply|Disconnected|Timeout|Spawn\.\w+|TimedOut|NoServer)$/;

/** Loaded when it is needed: it costs 14 MB and some tenths of a second on a small machine. */
const loadLibrary = () => import("@jellybrick/dbus-next");
type Library = Awaited<ReturnType<typeof loadLibrary>>;

/** An interface of an object of a service. */
export type BusObject = { readonly service: string; readonly path: string; readonly interface: string };
/** A call of a method. `signature` are the D-Bus types of `body`; both are absent where it takes nothing. */
export type BusCall = BusObject & {
  readonly member: string;
  readonly signature?: string;
  readonly body?: readonly unknown[];
};
/** A signal as it came. `sender` is the unique name that the bus itself vouches for. */
export type BusSignal = {
  readonly sender: string | undefined;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** As `plainOf` gives values. */
  readonly body: readonly unknown[];
};

/** One connection to a bus, good until `closed` resolves with why. Nothing that comes in on it ends the process. */
export class BusConnection {
  readonly closed: Promise<string>;
  readonly #dbus: Library;
  readonly #bus: MessageBus;
  readonly #lose: (why: string) => void;

  private constructor(dbus: Library, bus: MessageBus) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.closed = promise;
    this.#lose = resolve;
    this.#dbus = dbus;
    this.#bus = bus;
    onError(bus, (error) => this.#end(messageOf(error)));
  }

  /** Connects to `address`, or to the system bus, and says hello. Throws `dbus.unavailable`. */
  static async open(address: string | undefined, onSignal: (signal: BusSignal) => void): Promise<BusConnection> {
    const dbus = await loadLibrary();
    const bus = address === undefined ? dbus.systemBus() : dbus.sessionBus({ busAddress: address });
    const connection = new BusConnection(dbus, bus);
    bus.on("message", (message) => {
      if (message.type === dbus.MessageType.SIGNAL) onSignal(signalOf(message));
    });
    const { promise: connected, resolve } = Promise.withResolvers<undefined>();
    bus.once("connect", () => resolve(undefined));
    const why = await Promise.race([connected, connection.closed]);
    if (why !== undefined) throw unavailable(`D-Bus: ${why}`);
    connection.#guard();
    return connection;
  }

  /** Gives the body of the answer, values as `plainOf` gives them. Throws `dbus.unavailable`, `dbus.refused` or `dbus.failed`. */
  async call({ service, signature = "", body = [], ...rest }: BusCall): Promise<readonly unknown[]> {
    const message = new this.#dbus.Message({ ...rest, destination: service, signature, body: [...body] });
    const lost = this.closed.then((why) => Promise.reject(unavailable(`D-Bus: ${why}`)));
    try {
      const reply = await Promise.race([this.#bus.call(message), lost]);
      return (reply?.body ?? []).map(plainOf);
    } catch (thrown) {
      throw this.#faultOf(thrown, `${service}: ${rest.member}`);
    }
  }

  close(): void {
    this.#end("closed");
  }

  #faultOf(thrown: unknown, what: string): AgentError {
    if (thrown instanceof AgentError) return thrown;
    if (!(thrown instanceof this.#dbus.DBusError))
      return unavailable(`${what}: ${messageOf(thrown)}`, { cause: thrown });
    const { type, text } = thrown;
    const detail = { what: `${what}: ${text}`, facts: { name: type }, cause: thrown };
    if (ABSENCES.test(type)) return unavailable(detail.what, detail);
    if (REFUSALS.test(type)) {
      return new AgentError("dbus.refused", {
        ...detail,
        remedy: "polkit or the bus's policy must allow it to the agent's user",
      });
    }
    return new AgentError("dbus.failed", { ...detail, remedy: "see the journal of the service" });
  }

  #end(why: string): void {
    this.#lose(why);
    streamOf(this.#bus)?.destroy();
  }

  /**
   * The library tells nobody that its stream has ended, and reads messages in a listener of it, where a fault of its own would end the
   * process and a message may be of any size. Any user of the bus may send us one.
   */
  #guard(): void {
    const stream = streamOf(this.#bus);
    if (stream === undefined) return this.#end("the library hides its connection");
    stream.unref();
    stream.once("close", () => this.#end("the bus has ended the connection"));
    if (stream.destroyed) this.#end("the bus has ended the connection");
    const reads = stream.listeners("readable");
    stream.removeAllListeners("readable");
    for (const read of reads) {
      stream.on("readable", () => {
        if (stream.readableLength > MOST_UNREAD_BYTES) return this.#end(`more than ${MOST_UNREAD_BYTES} bytes unread`);
        try {
          Reflect.apply(read, stream, []);
        } catch (thrown) {
          this.#end(`a message that cannot be read: ${messageOf(thrown)}`);
        }
      });
    }
  }
}

/** The fault of a bus or a service that is not there. */
export function unavailable(what: string, detail: Pick<FaultDetail, "cause" | "facts"> = {}): AgentError {
  const { cause, facts = {} } = detail;
  const remedy = "see: systemctl status dbus, and the service; it may not be installed";
  return new AgentError("dbus.unavailable", { what, remedy, facts, cause });
}

function signalOf({ sender, path, interface: name, member, body }: Message): BusSignal {
  return { sender, path, interface: name, member, body: body.map(plainOf) };
}

function streamOf(bus: MessageBus): Socket | undefined {
  const connection: unknown = Reflect.get(bus, "_connection");
  const stream: unknown = connection instanceof EventEmitter ? Reflect.get(connection, "stream") : undefined;
  return stream instanceof Socket ? stream : undefined;
}

/** The library's types leave this event out. */
function onError(emitter: EventEmitter, listener: (error: unknown) => void): void {
  emitter.on("error", listener);
}
