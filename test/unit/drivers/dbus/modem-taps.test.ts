import { join } from "node:path";
import { Message, sessionBus } from "@jellybrick/dbus-next";
import { expect, it } from "vitest";
import { modemTaps } from "../../../../drivers/dbus/modem-taps.ts";
import { SystemBus } from "../../../../drivers/dbus/system-bus.ts";
import { systemClock } from "../../../../drivers/os/time-source.ts";
import { startPrivateBus } from "../../../bench/core/private-bus.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../fakes/core/log.ts";

const SMS = "/org/freedesktop/ModemManager1/SMS/1";
const MESSAGING = "org.freedesktop.ModemManager1.Modem.Messaging";

const BUS = {
  service: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
} as const;

it("is tapped by an SMS that came in, not by one that goes out, nor by anybody else's word", async () => {
  // ModemManager itself has no modem here: its signal stands for it.
  const daemon = await startPrivateBus(join(temporaryFolder(), "d"));
  const bus = new SystemBus({ address: daemon.address, clock: systemClock(), log: new MemoryLog(), random: () => 0 });
  const [modem, stranger] = [sessionBus({ busAddress: daemon.address }), sessionBus({ busAddress: daemon.address })];
  await modem.requestName("org.freedesktop.ModemManager1", 0);
  await stranger.requestName("org.example.Stranger", 0);
  const added = (isReceived: boolean): Message =>
    Message.newSignal("/org/freedesktop/ModemManager1/Modem/0", MESSAGING, "Added", "ob", [SMS, isReceived]);
  const taps: string[] = [];
  const tap = modemTaps(bus);
  const name = "org.freedesktop.ModemManager1";
  const found = new Promise<void>((resolve) => {
    bus.watch({ service: name, interface: name }, { onSignal: () => undefined, onOwner: () => resolve() });
  });
  tap.start(() => void taps.push("tap"));
  await found;
  // Two answers later both match rules of the watch are there.
  for (const member of ["GetId", "GetId"]) await bus.call({ ...BUS, member });
  stranger.send(added(true));
  modem.send(added(false));
  modem.send(added(true));
  await expect.poll(() => taps).toEqual(["tap"]);
  await tap.stop();
  await bus.close();
  modem.disconnect();
  stranger.disconnect();
  await daemon.stop();
});
