import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  describeInterface,
  kernelHasCan,
  listInterfaces,
  readInterface,
} from "../../../../drivers/can/can-interface.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "causeway-net-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What /sys/class/net shows of one interface. */
function addInterface(name: string, type: number, flags: number, mtu: number): void {
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, "type"), `${type}\n`);
  writeFileSync(join(folder, name, "flags"), `0x${flags.toString(16)}\n`);
  writeFileSync(join(folder, name, "mtu"), `${mtu}\n`);
}

describe("readLink", () => {
  it("tells up from down, CAN FD from classic, and other kinds of interface", () => {
    addInterface("can0", 280, 0x40c1, 72);
    addInterface("can1", 280, 0x4080, 16);
    addInterface("eth0", 1, 0x1003, 1500);
    expect(readInterface("can0", folder)).toEqual({ interface: "can0", up: true, mtu: 72, fd: true });
    expect(readInterface("can1", folder)).toEqual({ interface: "can1", up: false, mtu: 16, fd: false });
    expect(readInterface("eth0", folder)).toBe("not-can");
    expect(readInterface("can2", folder)).toBeUndefined();
    expect(listInterfaces(folder).map((link) => link.interface)).toEqual(["can0", "can1"]);
  });

  it("lists nothing where there is no sysfs", () => {
    expect(listInterfaces(join(folder, "none"))).toEqual([]);
  });

  it("says in words what is wrong", () => {
    addInterface("can1", 280, 0x4080, 16);
    expect(describeInterface("can1", readInterface("can1", folder))).toBe("interface can1 is down");
    expect(describeInterface("can2", undefined)).toBe("there is no interface can2");
  });
});

describe("kernelHasCan", () => {
  it("looks for raw CAN sockets among the protocols", () => {
    const file = join(folder, "protocols");
    writeFileSync(file, "protocol  size sockets\nCAN_RAW    864      0\nTCP  2432  5\n");
    expect(kernelHasCan(file)).toBe(true);
    writeFileSync(file, "protocol  size sockets\nTCP  2432  5\n");
    expect(kernelHasCan(file)).toBe(false);
    expect(kernelHasCan(join(folder, "none"))).toBe(false);
  });
});
