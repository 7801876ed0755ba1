import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { HeldBack, InterfaceCounter, TrafficCounter } from "../../../../drivers/can/interface-counter.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

it("counts from its beginning, and over an interface that is deleted and made again", () => {
  const folder = temporaryFolder();
  const statistics = join(folder, "can0/statistics");
  const kernelSays = (dropped: number): void => {
    mkdirSync(statistics, { recursive: true });
    writeFileSync(join(statistics, "rx_dropped"), `${dropped}\n`);
  };
  kernelSays(7);
  const drops = new InterfaceCounter("can0", "rx_dropped", folder);
  expect(drops.count()).toBe(0);
  kernelSays(10);
  expect([drops.count(), drops.count()]).toEqual([3, 3]);
  rmSync(join(folder, "can0"), { recursive: true });
  expect(drops.count()).toBe(3);
  kernelSays(2);
  expect(drops.count()).toBe(5);
  // Made again without a look in between.
  kernelSays(1);
  expect(drops.count()).toBe(6);
});

it("counts nothing where there is no such interface", () => {
  expect(new InterfaceCounter("can0", "rx_packets", temporaryFolder()).count()).toBe(0);
});

it("does not take back frames that waited and came through", () => {
  const folder = temporaryFolder();
  const statistics = join(folder, "can0/statistics");
  const packets = new InterfaceCounter("can0", "rx_packets", folder);
  mkdirSync(statistics, { recursive: true });
  const heldBack = new HeldBack();
  const lookAt = (kernel: number, received: number): number => {
    writeFileSync(join(statistics, "rx_packets"), `${kernel}\n`);
    return heldBack.count(packets, { received, dropped: undefined, errorFrames: 0, transmitted: 0 });
  };
  expect([lookAt(1100, 1000), lookAt(1100, 1090), lookAt(1300, 1090), lookAt(1300, 1300)]).toEqual([
    100, 100, 210, 210,
  ]);
});

it.each([
  ["a controller", true, { frames: 5, bytes: 40 }],
  ["a virtual interface, which counts what it sends as received", false, { frames: 3, bytes: 24 }],
])("counts what is on the bus of %s", (_what, hasDevice, expected) => {
  const folder = temporaryFolder();
  const statistics = join(folder, "can0/statistics");
  mkdirSync(statistics, { recursive: true });
  if (hasDevice) mkdirSync(join(folder, "can0/device"));
  const kernelSays = (received: number, sent: number): void => {
    const said = { rx_packets: received, tx_packets: sent, rx_bytes: received * 8, tx_bytes: sent * 8 };
    for (const [name, value] of Object.entries(said)) writeFileSync(join(statistics, name), `${value}\n`);
  };
  kernelSays(100, 50);
  const traffic = new TrafficCounter("can0", folder);
  expect(traffic.count()).toEqual({ frames: 0, bytes: 0 });
  kernelSays(103, 52);
  expect(traffic.count()).toEqual(expected);
});
