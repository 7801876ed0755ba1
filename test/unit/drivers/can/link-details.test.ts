import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseLinks, readLinks } from "../../../../drivers/can/link-details.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

/** What iproute2 printed for an Allwinner controller that nobody acknowledges (sun4i_can, from a Victron GX device), shortened. */
const SUN4I =
  '{"ifindex":3,"ifname":"can0","flags":["NOARP","UP","LOWER_UP","ECHO"],"mtu":16,"qdisc":"pfifo_fast","operstate":"UP","txqlen":100,"link_type":"can","linkinfo":{"info_kind":"can","info_data":{"state":"ERROR-PASSIVE","berr_counter":{"tx":0,"rx":135},"restart_ms":100,"bittiming":{"bitrate":250000,"sample_point":0.875,"tq":250,"sjw":1},"clock":24000000},"info_xstats":{"restarts":0,"bus_error":2,"arbitration_lost":0,"error_warning":1,"error_passive":1,"bus_off":0}},"stats64":{"rx":{"bytes":16,"packets":2,"errors":2,"dropped":0,"over_errors":0,"multicast":0},"tx":{"bytes":0,"packets":0,"errors":0,"dropped":0,"carrier_errors":0,"collisions":0}}}';
/** A later iproute2, for an ES582.1 with CAN FD that is down: the sample point is text. */
const ES582 =
  '{"ifindex":1,"ifname":"can1","flags":["NOARP","ECHO"],"mtu":72,"operstate":"DOWN","link_type":"can","linkinfo":{"info_kind":"can","info_data":{"ctrlmode":["FD","TDC_AUTO"],"state":"STOPPED","berr_counter":{"tx":0,"rx":0},"restart_ms":0,"bittiming":{"bitrate":1000000,"sample_point":"0.750","tq":12},"data_bittiming":{"bitrate":8000000,"sample_point":"0.700"}}}}';
const VCAN =
  '{"ifindex":48,"ifname":"vcan0","flags":["NOARP","UP","LOWER_UP"],"mtu":72,"link_type":"can","linkinfo":{"info_kind":"vcan"}}';
const ETHERNET = '{"ifindex":2,"ifname":"eth0","flags":["UP"],"mtu":1500,"link_type":"ether"}';

describe("parseLinks", () => {
  it("reads the controller, its errors and what it counted", () => {
    expect(parseLinks(`[${ETHERNET},${SUN4I},{}]`)).toEqual([
      {
        interface: "can0",
        up: true,
        mtu: 16,
        fd: false,
        kind: "can",
        controller: {
          state: "error-passive",
          bitrate: 250_000,
          samplePoint: 0.875,
          dataBitrate: undefined,
          dataSamplePoint: undefined,
          modes: [],
          restartMs: 100,
          errorCounters: { transmit: 0, receive: 135 },
          events: { restarts: 0, busErrors: 2, arbitrationLost: 0, errorWarning: 1, errorPassive: 1, busOff: 0 },
        },
        received: { packets: 2, bytes: 16, errors: 2, dropped: 0 },
        sent: { packets: 0, bytes: 0, errors: 0, dropped: 0 },
      },
    ]);
  });

  it("reads CAN FD, and knows of a virtual interface that it has no controller", () => {
    const [down, virtual] = parseLinks(`[${ES582},${VCAN}]`) ?? [];
    expect(down).toMatchObject({ interface: "can1", up: false, fd: true, received: undefined });
    expect(down?.controller).toMatchObject({
      state: "stopped",
      samplePoint: 0.75,
      dataBitrate: 8_000_000,
      dataSamplePoint: 0.7,
      modes: ["fd", "tdc_auto"],
      events: undefined,
    });
    expect(virtual).toMatchObject({ interface: "vcan0", up: true, kind: "vcan", controller: undefined });
  });

  it.each(["", "ip: unrecognized option", "{}"])("understands nothing of %j", (text) => {
    expect(parseLinks(text)).toBeUndefined();
  });
});

describe("readLinks", () => {
  it("asks sysfs where there is no ip", async () => {
    const folder = temporaryFolder();
    for (const [name, type] of [
      ["can1", "280"],
      ["can0", "280"],
      ["eth0", "1"],
    ] as const) {
      mkdirSync(join(folder, name, "statistics"), { recursive: true });
      for (const [file, text] of [
        ["type", type],
        ["mtu", "16"],
        ["flags", "0x40081"],
      ])
        writeFileSync(join(folder, name, file), `${text}\n`);
      for (const way of ["rx", "tx"]) {
        for (const what of ["packets", "bytes", "errors", "dropped"])
          writeFileSync(join(folder, name, "statistics", `${way}_${what}`), `${what.length}\n`);
      }
    }
    const links = await readLinks("/nonexistent/ip", folder);
    expect(links.map((link) => link.interface)).toEqual(["can0", "can1"]);
    expect(links[0]).toMatchObject({
      up: true,
      fd: false,
      controller: undefined,
      sent: { packets: 7, bytes: 5, errors: 6, dropped: 7 },
    });
  });

  it("asks the kernel, whose loopback is no CAN interface", async () => {
    expect((await readLinks()).map((link) => link.interface)).not.toContain("lo");
  });
});
