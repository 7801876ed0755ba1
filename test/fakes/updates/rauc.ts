import { Message, type MessageBus, MessageType, sessionBus, Variant } from "@jellybrick/dbus-next";
import { startPrivateBus } from "../../bench/core/private-bus.ts";

const SERVICE = "de.pengutronix.rauc";
const INSTALLER = "de.pengutronix.rauc.Installer";

/** A dbus-daemon of the test's own, and on it a service with RAUC's interface and two slots. What it does is in the fields. */
export type RaucStub = {
  readonly address: string;
  booted: "A" | "B";
  /** What each mark has set, "active B", in order. */
  readonly marks: string[];
  /** Bundles that were written, and to which slot. */
  readonly installed: string[];
  /** What the next installation ends with, in place of success; "gone": the service goes away. */
  failure: string | undefined;
  /** Another user of the bus says first that it was completed. */
  isForged: boolean;
  stop(): Promise<void>;
};

/** Starts both. `folder` holds the socket. */
export async function startRaucStub(folder: string): Promise<RaucStub> {
  const daemon = await startPrivateBus(folder);
  const { address } = daemon;
  const bus = sessionBus({ busAddress: address });
  const stranger = sessionBus({ busAddress: address });
  await stranger.requestName("org.example.Stranger", 0);
  const stub: RaucStub = {
    address,
    booted: "A",
    marks: [],
    installed: [],
    failure: undefined,
    isForged: false,
    stop: async () => {
      bus.disconnect();
      stranger.disconnect();
      await daemon.stop();
    },
  };
  await bus.requestName(SERVICE, 0);
  bus.addMethodHandler((message: Message) => answer({ bus, stranger, stub }, message));
  return stub;
}

type Service = { readonly bus: MessageBus; readonly stranger: MessageBus; readonly stub: RaucStub };

function answer({ bus, stranger, stub }: Service, message: Message): boolean {
  const { interface: name, member, body } = message;
  const reply = (signature: string, values: unknown[]): boolean => {
    bus.send(Message.newMethodReturn(message, signature, values));
    return true;
  };
  if (member === "Get" && body[1] === "BootSlot") return reply("v", [new Variant("s", stub.booted)]);
  if (member === "Get" && body[1] === "LastError") return reply("v", [new Variant("s", stub.failure ?? "")]);
  if (name !== INSTALLER) return false;
  const other = stub.booted === "A" ? "B" : "A";
  if (member === "Mark") {
    stub.marks.push(`${String(body[0])} ${body[1] === "other" ? other : stub.booted}`);
    return reply("ss", [other, "marked"]);
  }
  if (member !== "InstallBundle") return false;
  reply("", []);
  if (stub.failure === "gone") {
    void bus.releaseName(SERVICE);
    return true;
  }
  if (stub.failure === undefined) stub.installed.push(`${other} ${String(body[0])}`);
  void completed({ bus, stranger, stub }, message.sender);
  return true;
}

/** The forged signal is on its way before the true one: a round trip on the bus lies between. */
async function completed({ bus, stranger, stub }: Service, client: string | undefined): Promise<void> {
  if (stub.isForged) {
    const forged = { path: "/", interface: INSTALLER, member: "Completed", signature: "i", body: [0] };
    const dbus = { destination: "org.freedesktop.DBus", path: "/org/freedesktop/DBus" };
    for (const to of client === undefined ? [{}] : [{}, { destination: client }]) {
      stranger.send(new Message({ type: MessageType.SIGNAL, ...forged, ...to }));
    }
    await stranger.call(new Message({ ...dbus, interface: "org.freedesktop.DBus", member: "GetId" }));
  }
  bus.send(Message.newSignal("/", INSTALLER, "Completed", "i", [stub.failure === undefined ? 0 : 1]));
}
