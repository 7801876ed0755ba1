import type { EventEmitter } from "node:events";
import { join } from "node:path";
import { Message, type MessageBus, sessionBus, Variant } from "@jellybrick/dbus-next";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type BusListener, type BusWatch, SystemBus } from "../../../../drivers/dbus/system-bus.ts";
import { systemClock } from "../../../../drivers/os/time-source.ts";
import { type PrivateBus, startPrivateBus } from "../../../bench/core/private-bus.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const SERVICE = "org.example.Door";
const DOOR = { service: SERVICE, path: "/door", interface: SERVICE } as const;
const WATCH: BusWatch = { service: SERVICE, interface: SERVICE, member: "Opened" };

let daemon: PrivateBus;
let bus: SystemBus;
let log: MemoryLog;
let told: string[];
/** Whoever called the service last, by its unique name. */
let caller: string;
const clients: MessageBus[] = [];

const listener: BusListener = {
  onSignal: ({ member, body }) => void told.push(`${member} ${JSON.stringify(body)}`),
  onOwner: (isThere) => void told.push(isThere ? "there" : "gone"),
};
const heard = (): readonly string[] => told;

/** Its daemon goes away in a test; the library's types leave this event out. */
function ignoreErrors(connection: EventEmitter): void {
  connection.on("error", () => undefined);
}

async function client(name?: string): Promise<MessageBus> {
  const connection = sessionBus({ busAddress: daemon.address });
  ignoreErrors(connection);
  clients.push(connection);
  if (name !== undefined) await connection.requestName(name, 0);
  else await new Promise<void>((resolve) => void connection.once("connect", () => resolve()));
  return connection;
}

/** A service that answers `Look` with what is inside, refuses `Lock`, and never answers `Wait`. */
async function door(): Promise<MessageBus> {
  const service = await client(SERVICE);
  service.addMethodHandler((message: Message) => {
    caller = message.sender;
    const { member, interface: name } = message;
    if (member === "Look") service.send(Message.newMethodReturn(message, "axtay", [[1n, 2n ** 62n], 7n, Buffer.of(1)]));
    else if (member === "Lock")
      service.send(Message.newError(message, "org.freedesktop.DBus.Error.AccessDenied", "no"));
    else if (member === "Break") service.send(Message.newError(message, "org.example.Broken", "it broke"));
    else if (member === "GetAll" && name !== SERVICE) {
      const held = { Open: new Variant("b", true), Held: new Variant("a{sv}", { deep: new Variant("t", 9n) }) };
      service.send(Message.newMethodReturn(message, "a{sv}", [held]));
    } else return member === "Wait";
    return true;
  });
  return service;
}

const signal = (from: MessageBus, value: string, member = "Opened"): void =>
  from.send(Message.newSignal("/door", SERVICE, member, "s", [value]));

beforeEach(async () => {
  daemon = await startPrivateBus(join(temporaryFolder(), "d"));
  log = new MemoryLog();
  told = [];
  bus = new SystemBus({ address: daemon.address, clock: systemClock(), log, random: () => 0 });
});
afterEach(async () => {
  await bus.close();
  for (const connection of clients.splice(0)) connection.disconnect();
  await daemon.stop();
});

describe("the system bus", () => {
  it("calls, and gives values without their wrapping", async () => {
    await door();
    expect(await bus.call({ ...DOOR, member: "Look" })).toEqual([[1, 2n ** 62n], 7, Buffer.of(1)]);
    expect(await bus.properties(DOOR)).toEqual({ Open: true, Held: { deep: 9 } });
    expect(bus.counts().connections).toBe(1);
  });

  it("says what it was refused, what failed and what is not there", async () => {
    await door();
    await expect(bus.call({ ...DOOR, member: "Lock" })).rejects.toMatchObject({ code: "dbus.refused" });
    await expect(bus.call({ ...DOOR, member: "Break" })).rejects.toMatchObject({ code: "dbus.failed" });
    const nobody = { ...DOOR, service: "org.example.Nobody" };
    await expect(bus.call({ ...nobody, member: "Look" })).rejects.toMatchObject({ code: "dbus.unavailable" });
  });

  it("hears the service, whenever it comes, and nobody else in its name", async () => {
    bus.watch(WATCH, listener);
    const stranger = await client();
    await expect.poll(() => bus.counts().connections).toBe(1);
    const first = await door();
    await expect.poll(heard).toEqual(["there"]);
    // To all, and to the agent alone, which no match rule holds back.
    signal(stranger, "forged");
    await bus.properties(DOOR);
    const forged = Message.newSignal("/door", SERVICE, "Opened", "s", ["forged"]);
    forged.destination = caller;
    stranger.send(forged);
    await expect.poll(() => bus.counts().strangers).toBe(1);
    signal(first, "shut", "Closed");
    signal(first, "real");
    await expect.poll(heard).toEqual(["there", 'Opened ["real"]']);
    await first.releaseName(SERVICE);
    await expect.poll(heard).toEqual(["there", 'Opened ["real"]', "gone"]);
    signal(first, "late");
    await door();
    await expect.poll(heard).toEqual(["there", 'Opened ["real"]', "gone", "there"]);
  });

  it("hears a service that another one watches already, and ends a watch", async () => {
    const service = await door();
    const end = bus.watch(WATCH, listener);
    await expect.poll(heard).toEqual(["there"]);
    bus.watch(
      { ...WATCH, member: "Closed" },
      { ...listener, onOwner: (isThere) => void told.push(`second ${isThere}`) },
    );
    await expect.poll(heard).toEqual(["there", "second true"]);
    end();
    signal(service, "real");
    signal(service, "shut", "Closed");
    await expect.poll(heard).toEqual(["there", "second true", 'Closed ["shut"]']);
  });

  it("comes back when the bus was started anew, and says so once", async () => {
    await door();
    bus.watch(WATCH, listener);
    await expect.poll(heard).toEqual(["there"]);
    await daemon.stop();
    await expect.poll(heard).toEqual(["there", "gone"]);
    await expect(bus.call({ ...DOOR, member: "Look" })).rejects.toMatchObject({ code: "dbus.unavailable" });
    await daemon.start();
    const again = await door();
    await expect.poll(heard, { timeout: 10_000 }).toEqual(["there", "gone", "there"]);
    signal(again, "real");
    await expect.poll(heard).toEqual(["there", "gone", "there", 'Opened ["real"]']);
    expect(log.of("dbus.lost")).toHaveLength(1);
    expect(log.of("dbus.connected")).toHaveLength(1);
  });

  it("is there from the start where the bus comes later", async () => {
    await daemon.stop();
    bus.watch(WATCH, listener);
    await expect.poll(() => bus.counts().losses, { timeout: 5000 }).toBeGreaterThan(0);
    await daemon.start();
    await door();
    await expect.poll(heard, { timeout: 10_000 }).toEqual(["there"]);
  });

  it("lives on when a listener throws, and when somebody sends it more than it takes", async () => {
    const service = await door();
    bus.watch(WATCH, { ...listener, onSignal: () => expect.unreachable() });
    await expect.poll(heard).toEqual(["there"]);
    signal(service, "real");
    await expect.poll(() => bus.counts().listenerFaults).toBe(1);
    signal(service, "x".repeat(3_000_000));
    await expect.poll(heard, { timeout: 10_000 }).toEqual(["there", "gone", "there"]);
    expect(await bus.properties(DOOR)).toMatchObject({ Open: true });
  });
});
