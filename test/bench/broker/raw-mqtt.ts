import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { generate, type IPublishPacket, type Packet, parser } from "mqtt-packet";

const MQTT5 = { protocolVersion: 5 } as const;
const KEEP_ALIVE_SECONDS = 60;

/** Whom to connect as, and to what. */
export type RawMqttRequest = {
  readonly port: number;
  readonly clientId: string;
  readonly ca: string;
  readonly certificatePem: string;
  readonly privateKeyPem: string;
};

/** A publish as it goes onto the wire: any flag, any property. */
export type RawPublish = Pick<IPublishPacket, "topic" | "payload" | "qos" | "retain" | "dup"> & {
  readonly properties?: IPublishPacket["properties"] | undefined;
};

/** An MQTT 5 client that sends whatever packet it is told to. */
export class RawMqtt {
  readonly #socket: TLSSocket;
  #messageId = 0;
  #acknowledged = 0;
  #asked = 0;
  #isConnected = false;
  #goodbye = "no DISCONNECT";
  #change = Promise.withResolvers<void>();

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    const reader = parser(MQTT5);
    reader.on("packet", (packet) => this.#onPacket(packet));
    socket.on("data", (part: Buffer) => reader.parse(part));
    // An error is followed by "close".
    socket.on("error", () => undefined);
    socket.on("close", () => this.#change.reject(new Error(`the broker closed the connection: ${this.#goodbye}`)));
    this.#change.promise.catch(() => undefined);
  }

  /** Resolves with the CONNACK. Throws when the broker refuses or closes. */
  static async connect({ port, clientId, ca, certificatePem, privateKeyPem }: RawMqttRequest): Promise<RawMqtt> {
    const socket = connect({
      host: "127.0.0.1",
      servername: "localhost",
      port,
      ca,
      cert: certificatePem,
      key: privateKeyPem,
    });
    await once(socket, "secureConnect");
    const client = new RawMqtt(socket);
    client.#send({
      cmd: "connect",
      clientId,
      clean: true,
      keepalive: KEEP_ALIVE_SECONDS,
      protocolId: "MQTT",
      ...MQTT5,
    });
    await client.#until(() => client.#isConnected);
    return client;
  }

  /** Sends them all; resolves when each of QoS 1 has its PUBACK, whatever it says. One with `dup` is sent twice with one packet id. */
  async publish(publishes: readonly RawPublish[]): Promise<void> {
    for (const publish of publishes) {
      this.#messageId = (this.#messageId % 65_535) + 1;
      const { properties = {}, ...rest } = publish;
      const packet = { cmd: "publish", messageId: this.#messageId, ...rest, properties } as const;
      for (const dup of publish.dup ? [false, true] : [false]) {
        this.#asked += publish.qos === 0 ? 0 : 1;
        this.#send({ ...packet, dup });
      }
      // Within the receive maximum of any broker here.
      await this.#until(() => this.#asked - this.#acknowledged < 20);
    }
    await this.#until(() => this.#asked === this.#acknowledged);
  }

  async close(): Promise<void> {
    if (this.#socket.closed) return;
    const closed = once(this.#socket, "close");
    this.#socket.destroy();
    await closed;
  }

  #send(packet: Packet): void {
    this.#socket.write(generate(packet, MQTT5));
  }

  #onPacket(packet: Packet): void {
    if (packet.cmd === "connack") {
      if (packet.reasonCode !== 0) throw new Error(`CONNACK ${packet.reasonCode}`);
      this.#isConnected = true;
    }
    if (packet.cmd === "disconnect") this.#goodbye = `DISCONNECT ${packet.reasonCode}`;
    if (packet.cmd === "puback") this.#acknowledged += 1;
    const { resolve } = this.#change;
    this.#change = Promise.withResolvers();
    this.#change.promise.catch(() => undefined);
    resolve();
  }

  async #until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await this.#change.promise;
  }
}
