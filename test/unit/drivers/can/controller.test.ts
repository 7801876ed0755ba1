import { describe, expect, it } from "vitest";
import { parseController, readController } from "../../../../drivers/can/controller.ts";

/** As iproute2 6.1 prints it (ip/iplink_can.c: ctrlmode is there where a bit of it is set). */
const shown = (info: object): string =>
  JSON.stringify([
    { ifindex: 3, ifname: "can0", flags: ["NOARP", "UP", "LOWER_UP", "ECHO"], linkinfo: { info_kind: "can", ...info } },
  ]);

describe("parseController", () => {
  it("knows a controller that only listens", () => {
    const info_data = { ctrlmode: ["LISTEN-ONLY", "FD"], state: "ERROR-ACTIVE", bittiming: { bitrate: 500_000 } };
    expect(parseController(shown({ info_data }))).toEqual({ listenOnly: true });
  });

  it("knows one that sends, with other modes or none", () => {
    expect(parseController(shown({ info_data: { ctrlmode: ["FD"] } }))?.listenOnly).toBe(false);
    expect(parseController(shown({ info_data: { bittiming: { bitrate: 250_000 } } }))).toEqual({
      listenOnly: false,
    });
  });

  it("takes a virtual interface for one that sends", () => {
    const vcan = JSON.stringify([{ ifname: "vcan0", linkinfo: { info_kind: "vcan" } }]);
    expect(parseController(vcan)).toEqual({ listenOnly: false });
  });

  it.each(["", "[]", "{}", "[1]", '[{"linkinfo":{"info_data":{"ctrlmode":"LISTEN-ONLY"}}}]'])(
    "understands nothing of %s",
    (text) => expect(parseController(text)).toBeUndefined(),
  );
});

describe("readController", () => {
  it("knows nothing of an interface that is not there, and where there is no ip", async () => {
    expect(await readController("nocan77")).toBeUndefined();
    expect(await readController("can0", "/nonexistent/ip")).toBeUndefined();
  });

  it("asks the kernel", async () => {
    expect(await readController("lo")).toEqual({ listenOnly: false });
  });
});
