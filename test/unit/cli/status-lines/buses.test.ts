import pico from "picocolors";
import { expect, it } from "vitest";
import { busLines } from "../../../../agent/cli/status-lines/buses.ts";
import { statusWith } from "../../../fakes/daemon/status.ts";

it("says how busy a bus is, and where its frames were lost", () => {
  const plain = pico.createColors(false);
  const [bus] = statusWith().buses;
  const lossy = { ...bus, dropped: 1234, losses: { interface: 1000, socket: 0, ring: 234 }, busyMs: 1, load: 0.337 };
  expect(busLines(lossy, undefined, plain)[0]).toBe(
    "bus can0   up, load 34 %, 1 234 dropped (interface 1 000, ring 234)",
  );
  expect(busLines(bus, 812, plain)[0]).toBe("bus can0   up, 812 frames/s, 0 dropped");
});
