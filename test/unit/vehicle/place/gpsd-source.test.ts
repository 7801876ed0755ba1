import { describe, expect, it } from "vitest";
import { GpsdSource } from "../../../../agent/vehicle/place/gpsd-source.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { RecordingPositions } from "../../../fakes/place/position-sink.ts";
import { FakeLineLink } from "../../../fakes/ports/line-link.ts";

// Lines as gpsd 3.22 sent them for the track of test/fixtures/place.
const VERSION = '{"class":"VERSION","release":"3.22","rev":"3.22","proto_major":3,"proto_minor":14}';
const TPV =
  '{"class":"TPV","device":"tcp://127.0.0.1:5555","mode":3,"time":"2026-01-01T00:00:01.000Z","lat":48.1,"lon":11.5,"altHAE":567.8,"altMSL":520.5,"alt":520.5,"speed":13.9,"track":271.5,"eph":7.6}';
const NONE = '{"class":"TPV","device":"tcp://127.0.0.1:5555","mode":1}';

function rig(device?: string) {
  const clock = new ManualClock();
  const link = new FakeLineLink();
  const sink = new RecordingPositions();
  const source = new GpsdSource({ link, device, quietMs: 5000, clock });
  source.start(sink);
  const open = (): void => {
    link.up();
    link.line(VERSION);
  };
  return { clock, link, sink, source, open };
}

describe("GpsdSource", () => {
  it("asks to watch when gpsd has said its version, and makes a fix of a report", () => {
    const { link, sink, source, open } = rig();
    link.up();
    expect(link.sent).toEqual([]);
    open();
    expect(link.sent).toEqual(['?WATCH={"enable":true,"json":true};\n']);
    link.line(TPV, 1_767_225_601_100_000);
    expect(sink.fixes).toEqual([
      {
        mode: "3d",
        timeUs: 1_767_225_601_000_000,
        receivedAtUs: 1_767_225_601_100_000,
        latitude: 48.1,
        longitude: 11.5,
        altitudeM: 520.5,
        heightM: 567.8,
        speedMps: 13.9,
        courseDeg: 271.5,
        accuracyM: 7.6,
        satellites: undefined,
        hdop: undefined,
      },
    ]);
    expect(sink.said).toEqual(["up: 127.0.0.1:2947: gpsd 3.22"]);
    expect(source.counters()).toEqual({ fixes: 1, malformed: 0 });
  });

  it("watches the receiver that is named, and no other", () => {
    const { link, sink, open } = rig("/dev/ttyUSB0");
    open();
    expect(link.sent).toEqual(['?WATCH={"enable":true,"json":true,"device":"/dev/ttyUSB0"};\n']);
    link.line(TPV);
    link.line(TPV.replace("tcp://127.0.0.1:5555", "/dev/ttyUSB0"));
    expect(sink.fixes).toHaveLength(1);
  });

  it("merges the reports of one moment by their time, and takes satellites and HDOP from SKY", () => {
    const { link, sink, open } = rig();
    open();
    link.line('{"class":"SKY","device":"a","hdop":0.9,"nSat":12,"uSat":8}', 1_000_000);
    link.line('{"class":"TPV","device":"a","mode":2,"time":"2026-01-01T00:00:01.000Z","lat":1,"lon":2}', 1_000_000);
    link.line(
      '{"class":"TPV","device":"a","mode":3,"time":"2026-01-01T00:00:01.000Z","altMSL":5,"speed":3}',
      1_010_000,
    );
    link.line('{"class":"TPV","device":"a","mode":3,"time":"2026-01-01T00:00:02.000Z","lat":1,"lon":2.1}', 2_000_000);
    const seen = sink.fixes.map((fix) => [fix.mode, fix.longitude, fix.altitudeM, fix.speedMps, fix.satellites]);
    expect(seen).toEqual([
      ["2d", 2, undefined, undefined, 8],
      ["3d", 2, 5, 3, 8],
      ["3d", 2.1, undefined, undefined, 8],
    ]);
    expect(sink.fixes[0].hdop).toBe(0.9);
  });

  it("counts the satellites that are used where gpsd has no sum of them", () => {
    const { link, sink, open } = rig();
    open();
    link.line('{"class":"SKY","device":"a","satellites":[{"used":true},{"used":false},{"used":true},{}]}');
    link.line('{"class":"TPV","device":"a","mode":3,"lat":1,"lon":2}');
    expect(sink.fixes[0].satellites).toBe(2);
    expect(sink.fixes[0].timeUs).toBeUndefined();
  });

  it("keeps to one of several receivers until it has had no fix for a while", () => {
    const { link, sink, open } = rig();
    open();
    const tpv = (device: string, atUs: number): void =>
      link.line(`{"class":"TPV","device":"${device}","mode":3,"lat":1,"lon":2}`, atUs);
    tpv("a", 1_000_000);
    tpv("b", 1_100_000);
    tpv("a", 2_000_000);
    tpv("b", 7_100_000);
    tpv("a", 7_200_000);
    expect(sink.fixes.map((fix) => fix.receivedAtUs)).toEqual([1_000_000, 2_000_000, 7_100_000]);
  });

  it("says that there is no fix, and takes no position from one, nor from one without latitude or off the globe", () => {
    const { link, sink, open } = rig();
    open();
    link.line(NONE);
    link.line('{"class":"TPV","mode":0,"lat":1,"lon":2}');
    expect(sink.noFixes).toBe(2);
    link.line('{"class":"TPV","mode":3,"lon":2}');
    link.line('{"class":"TPV","mode":3,"lat":91,"lon":2}');
    link.line('{"class":"TPV","mode":3,"lat":"x","lon":2}');
    expect(sink.fixes).toEqual([]);
  });

  it("counts what is no report and goes on", () => {
    const { link, sink, source, open } = rig();
    open();
    for (const line of ["", "$GPRMC,", "[1]", "{", "null", '{"class":5}', '{"class":"DEVICES"}']) link.line(line);
    link.line('{"class":"PPS","anything":[]}');
    link.line(TPV);
    expect(source.counters()).toEqual({ fixes: 1, malformed: 7 });
    expect(sink.fixes).toHaveLength(1);
  });

  it("asks a silent gpsd whether it is there, and connects anew when it hangs", () => {
    const { clock, link, sink, open } = rig();
    open();
    clock.advance(5000);
    expect(link.sent.at(-1)).toBe("?DEVICES;\n");
    link.line('{"class":"DEVICES","devices":[{"path":"/dev/ttyAMA0"}]}');
    clock.advance(1000);
    expect(link.resets).toEqual([]);
    expect(sink.said.at(-1)).toBe("quiet: 127.0.0.1:2947: gpsd runs, and its receiver says nothing");
    clock.advance(10_000);
    expect(link.resets).toEqual(["gpsd does not answer"]);
    expect(sink.said.at(-1)).toBe("down: 127.0.0.1:2947: gpsd does not answer");
    clock.advance(60_000);
    expect(link.resets).toHaveLength(1);
  });

  it("says that gpsd has no receiver, and what it complains of", () => {
    const { link, sink, open } = rig();
    open();
    link.line('{"class":"DEVICES","devices":[]}');
    link.line('{"class":"ERROR","message":"Can\'t open device"}');
    expect(sink.said.slice(1)).toEqual([
      "quiet: 127.0.0.1:2947: gpsd has no receiver",
      "quiet: 127.0.0.1:2947: gpsd: Can't open device",
    ]);
  });

  it("leaves a gpsd of another protocol", () => {
    const { link } = rig();
    link.up();
    link.line('{"class":"VERSION","release":"9","proto_major":4}');
    expect(link.resets).toEqual(["gpsd speaks protocol 4, not 3"]);
  });
});
