import { describe, expect, it } from "vitest";
import { FRAME_FLAG } from "../../../../agent/ports/frame.ts";
import { checkFrame } from "../../../../drivers/can/faults.ts";

const { extended, remote, error, fd } = FRAME_FLAG;

describe("checkFrame", () => {
  it.each([
    [0x7ff, 0, 8],
    [0x1fff_ffff, extended, 0],
    [1, remote, 8],
    [1, fd, 64],
  ])("takes id %i with flags %i and %i bytes", (id, flags, length) => {
    expect(() => checkFrame("can0", { id, flags, data: new Uint8Array(length), receivedAtUs: 0 })).not.toThrow();
  });

  it.each([
    [4, error, 8, "can0: an error frame cannot be sent"],
    [0x800, 0, 1, "can0: id 0x800 does not fit into 11 bits"],
    [0x2000_0000, extended, 1, "can0: id 0x20000000 does not fit into 29 bits"],
    [1, fd | remote, 0, "can0: CAN FD has no remote frames"],
    [1, fd, 9, "can0: no CAN FD frame has 9 data bytes"],
    [1, 0, 9, "can0: a classic frame has at most 8 data bytes, not 9"],
  ])("refuses id %i with flags %i and %i bytes", (id, flags, length, message) => {
    const frame = { id, flags, data: new Uint8Array(length), receivedAtUs: 0 };
    expect(() => checkFrame("can0", frame)).toThrow(expect.objectContaining({ code: "bus.transmit-failed", message }));
  });
});
