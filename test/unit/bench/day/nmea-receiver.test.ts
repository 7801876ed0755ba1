import { describe, expect, it } from "vitest";
import { sentencesOf } from "../../../bench/day/nmea-receiver.ts";
import type { Van } from "../../../bench/day/van-drive.ts";

const VAN: Van = {
  ignition: true,
  speedKph: 100,
  odometerMetres: 0,
  chargePercent: 90,
  brakesHard: false,
  roadMetres: 0,
  latitude: 48.1173,
  longitude: -11.516_666_67,
  courseDegrees: 75,
};
const AT = Date.UTC(2026, 2, 23, 12, 35, 19, 500);

describe("the van's receiver of satellites", () => {
  // 4807.038,N and 01131.000 are of the example of GGA and RMC that most manuals print.
  it("says RMC and GGA with degrees and minutes, knots and the time", () => {
    const [rmc = "", gga = ""] = sentencesOf(VAN, AT, true).split("\r\n");
    expect(rmc).toMatch(/^\$GPRMC,123519\.50,A,4807\.03800,N,01131\.00000,W,54\.00,75\.0,230326,,,A\*[0-9A-F]{2}$/);
    expect(gga).toMatch(/^\$GPGGA,123519\.50,4807\.03800,N,01131\.00000,W,1,09,0\.9,61\.0,M,46\.0,M,,\*[0-9A-F]{2}$/);
  });

  it("ends each with the exclusive or of what is between $ and *", () => {
    for (const sentence of sentencesOf(VAN, AT, true).trim().split("\r\n")) {
      const [body = "", sum] = sentence.slice(1).split("*");
      const expected = Buffer.from(body).reduce((bits, byte) => bits ^ byte, 0);
      expect(Number.parseInt(sum ?? "", 16)).toBe(expected);
    }
  });

  it("gives neither place nor way without satellites", () => {
    expect(sentencesOf(VAN, AT, false)).not.toMatch(/4807|1131|54\.00/);
  });
});
