import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { type CanFrame, FRAME_FLAG } from "../../../agent/ports/frame.ts";
import { ElementReader, wordsOf } from "../../../drivers/can/socketcand-elements.ts";
import { FieldReader } from "../../../drivers/can/socketcand-fields.ts";
import { formatReceived, parseSend } from "../../../drivers/can/socketcand-protocol.ts";

/** Bytes that may wait for a slow client before frames for it are dropped. */
const MAX_UNSENT_BYTES = 16_777_216;

export type HubSettings = {
  /** 127.0.0.1 when absent. */
  readonly host?: string | undefined;
  /** Any free port when absent. */
  readonly port?: number | undefined;
  /** Bus names clients may open; ["can0"] when absent. */
  readonly buses?: readonly string[] | undefined;
  /** The clock of receive times, µs since the Unix epoch; this machine's when absent. */
  readonly wallUs?: (() => number) | undefined;
  /** Sees each frame that a client sends. */
  readonly onSent?: ((bus: string, frame: CanFrame) => void) | undefined;
};

/** Counts since the hub began. */
export type HubCounters = {
  /** Frames that clients sent. */
  readonly sent: number;
  /** Copies handed to other clients. */
  readonly delivered: number;
  /** Copies dropped because their client read too slowly. */
  readonly dropped: number;
  /** Commands that made no sense. */
  readonly malformed: number;
};

/**
 * A server of the socketcand protocol whose buses exist only in it: a frame that one client sends reaches all others that have
 * the same bus open in raw mode, with the hub's receive time. It stands in for vcan where the kernel has no CAN.
 */
export type Hub = {
  readonly port: number;
  /** Puts a frame on a bus as if a node outside had sent it; error frames too. */
  inject(bus: string, frame: CanFrame): void;
  counters(): HubCounters;
  /** Clients that have a bus open in raw mode. */
  clients(): number;
  /** Cuts all connections and goes on listening. */
  disconnectAll(): void;
  stop(): Promise<void>;
};

/** Starts a hub; resolves when it listens. */
export async function startHub(settings: HubSettings = {}): Promise<Hub> {
  const state: HubState = {
    buses: settings.buses ?? ["can0"],
    clients: new Set(),
    counters: { sent: 0, delivered: 0, dropped: 0, malformed: 0 },
    wallUs: settings.wallUs ?? wallUs,
    onSent: settings.onSent ?? (() => undefined),
  };
  const server = createServer({ noDelay: true }, (socket) => new HubClient(state, socket));
  server.listen({ port: settings.port ?? 0, host: settings.host ?? "127.0.0.1" });
  await once(server, "listening");
  return {
    port: portOf(server),
    inject: (bus, frame) => broadcast(state, bus, { ...frame, receivedAtUs: state.wallUs() }, undefined),
    counters: () => ({ ...state.counters }),
    clients: () => [...state.clients].filter((client) => client.isRaw).length,
    disconnectAll: () => {
      for (const client of state.clients) client.close();
    },
    stop: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const client of state.clients) client.close();
      await closed;
    },
  };
}

type HubState = {
  readonly buses: readonly string[];
  readonly clients: Set<HubClient>;
  readonly counters: { -readonly [K in keyof HubCounters]: HubCounters[K] };
  readonly wallUs: () => number;
  readonly onSent: (bus: string, frame: CanFrame) => void;
};

function wallUs(): number {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

function portOf(server: Server): number {
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the hub has no TCP port");
  return address.port;
}

function broadcast(state: HubState, bus: string, frame: CanFrame, from: HubClient | undefined): void {
  if ((frame.flags & FRAME_FLAG.remote) !== 0) return;
  const element = formatReceived(frame);
  for (const client of state.clients) {
    if (client === from || !client.isRaw || client.bus !== bus) continue;
    if (client.write(element)) state.counters.delivered += 1;
    else state.counters.dropped += 1;
  }
}

/** One connection: no bus, then BCM mode (of which only `send` and `echo` exist here), then raw mode. */
class HubClient {
  readonly #state: HubState;
  readonly #socket: Socket;
  readonly #fields = new FieldReader();
  bus: string | undefined;
  isRaw = false;
  #unsent = "";
  #flushDue = false;

  constructor(state: HubState, socket: Socket) {
    this.#state = state;
    this.#socket = socket;
    const elements = new ElementReader((bytes, start, end) => this.#onElement(bytes, start, end));
    socket.on("data", (chunk) => elements.feed(chunk));
    // "close" follows; the hub has nobody to tell.
    socket.on("error", () => undefined);
    socket.on("close", () => state.clients.delete(this));
    state.clients.add(this);
    this.#answer("< hi >");
  }

  /** Sends with all else of this turn of the event loop; false when the client is too far behind. */
  write(element: string): boolean {
    if (this.#unsent.length + this.#socket.writableLength > MAX_UNSENT_BYTES) return false;
    this.#unsent += element;
    if (!this.#flushDue) {
      this.#flushDue = true;
      setImmediate(() => this.#flush());
    }
    return true;
  }

  /** An answer goes out by itself: python-can takes what it reads next for the whole answer. */
  #answer(element: string): void {
    this.#flush();
    this.write(element);
    this.#flush();
  }

  #flush(): void {
    this.#flushDue = false;
    if (this.#socket.writable && this.#unsent !== "") this.#socket.write(this.#unsent, "latin1");
    this.#unsent = "";
  }

  close(): void {
    this.#socket.destroy();
  }

  #onElement(bytes: Uint8Array, start: number, end: number): void {
    if (this.bus !== undefined) {
      const sent = parseSend(this.#fields, bytes, start, end);
      if (sent === "malformed") {
        this.#state.counters.malformed += 1;
        return;
      }
      if (sent !== "other") {
        this.#state.counters.sent += 1;
        broadcast(this.#state, this.bus, { ...sent, receivedAtUs: this.#state.wallUs() }, this);
        this.#state.onSent(this.bus, sent);
        return;
      }
    }
    this.#onCommand(wordsOf(bytes, start, end));
  }

  #onCommand(words: readonly string[]): void {
    const [command, argument] = words;
    if (command === "open" && this.bus === undefined) {
      this.#open(argument);
    } else if (command === "echo") {
      this.#answer("< echo >");
    } else if (this.bus !== undefined && (command === "rawmode" || command === "bcmmode")) {
      this.#answer("< ok >");
      this.isRaw = command === "rawmode";
    } else {
      this.#state.counters.malformed += 1;
      this.#answer("< error unknown command >");
    }
  }

  #open(bus: string | undefined): void {
    if (bus !== undefined && this.#state.buses.includes(bus)) {
      this.bus = bus;
      this.#answer("< ok >");
      return;
    }
    // socketcand ends the connection after this answer.
    this.#answer("< error could not open bus >");
    this.#socket.end();
  }
}
