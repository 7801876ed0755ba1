import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { changeLink, type LinkSettings, networkdFile, upWords } from "../../../../drivers/can/link-setup.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

const PLAIN: LinkSettings = {
  bitrate: 500_000,
  samplePoint: undefined,
  dataBitrate: undefined,
  dataSamplePoint: undefined,
  restartMs: undefined,
  listenOnly: false,
};
const WHOLE: LinkSettings = {
  bitrate: 500_000,
  samplePoint: 0.875,
  dataBitrate: 2_000_000,
  dataSamplePoint: 0.75,
  restartMs: 100,
  listenOnly: true,
};

/** A program that prints `said` on stderr and fails. */
function failing(said: string): string {
  const file = join(temporaryFolder(), "ip");
  writeFileSync(file, `#!/bin/sh\necho '${said}' >&2\nexit 2\n`);
  chmodSync(file, 0o755);
  return file;
}

describe("setting up a CAN interface", () => {
  // The words are those of iplink_can.c (iproute2), the names those of systemd.network(5).
  it("has a command and a file of systemd-networkd that do the same", () => {
    expect(upWords("can0", PLAIN).join(" ")).toBe("link set can0 up type can bitrate 500000");
    expect(upWords("can0", WHOLE).join(" ")).toBe(
      "link set can0 up type can bitrate 500000 sample-point 0.875 dbitrate 2000000 dsample-point 0.750 fd on restart-ms 100 listen-only on",
    );
    expect(networkdFile("can0", WHOLE)).toEqual([
      "/etc/systemd/network/80-can0.network",
      [
        "[Match]",
        "Name=can0",
        "",
        "[CAN]",
        "BitRate=500000",
        "SamplePoint=87.5%",
        "DataBitRate=2000000",
        "DataSamplePoint=75%",
        "FDMode=yes",
        "RestartSec=100ms",
        "ListenOnly=yes",
      ],
    ]);
    expect(upWords("vcan0", undefined)).toEqual(["link", "set", "vcan0", "up"]);
    expect(networkdFile("vcan0", undefined)[1]).toEqual(["[Match]", "Name=vcan0"]);
  });

  it("tells a permission that is missing from what the kernel refuses, and from no iproute2", async () => {
    expect(await changeLink([], failing("RTNETLINK answers: Operation not permitted"))).toBe("not-permitted");
    expect(await changeLink([], failing("RTNETLINK answers: Invalid argument"))).toEqual({
      said: "RTNETLINK answers: Invalid argument",
    });
    expect(await changeLink([], "/nonexistent/ip")).toBe("no-ip");
  });
});
