import { describe, expect, it } from "vitest";
import { NmeaSource } from "../../../../agent/vehicle/place/nmea-source.ts";
import { sentencesOf, trackOf } from "../../../bench/vehicle/nmea-track.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";
import { RecordingPositions } from "../../../fakes/place/position-sink.ts";
import { FakeLineLink } from "../../../fakes/ports/line-link.ts";

function rig() {
  const clock = new ManualClock();
  const link = new FakeLineLink();
  const sink = new RecordingPositions();
  const source = new NmeaSource({ link, clock });
  source.start(sink);
  link.up();
  const say = (text: string): void => {
    for (const line of text.split("\r\n")) link.line(line, clock.wallUs());
  };
  return { clock, link, sink, source, say };
}

describe("NmeaSource", () => {
  it("has the fixes of a track, and says when the receiver sees nothing", () => {
    const { clock, sink, source, say } = rig();
    const track = trackOf({ points: 5, stepMs: 1000, startMs: clock.wallUs() / 1000 });
    for (const [at, point] of track.entries()) {
      say(sentencesOf({ ...point, hasFix: at !== 2 }));
      clock.advance(1000);
    }
    const times = new Set(sink.fixes.map(({ timeUs = 0 }) => timeUs / 1000));
    expect([...times]).toEqual([0, 1, 3, 4].map((at) => track[at].timeMs));
    expect(sink.noFixes).toBeGreaterThan(0);
    expect(sink.said).toEqual(["up: 127.0.0.1:2947"]);
    expect(source.counters()).toEqual({ fixes: 12, malformed: 0 });
  });

  it("tells of silence, and opens the link anew after twice that", () => {
    const { clock, link, sink } = rig();
    clock.advance(5000);
    expect(sink.said).toEqual(["quiet: 127.0.0.1:2947: no sentence of NMEA 0183"]);
    clock.advance(5000);
    expect(link.resets).toEqual(["no sentence of NMEA 0183"]);
    clock.advance(60_000);
    expect(link.resets).toHaveLength(1);
    link.up();
    clock.advance(19_000);
    expect(link.resets).toHaveLength(1);
    clock.advance(1000);
    expect(link.resets).toHaveLength(2);
  });

  it("opens it seldomer while that does not help, and again at once after a sentence", () => {
    const { clock, link, say } = rig();
    for (let second = 0; second < 24 * 3600; second++) {
      const resets = link.resets.length;
      clock.advance(1000);
      if (link.resets.length > resets) link.up();
    }
    expect(link.resets.length).toBeLessThan(105);
    say(sentencesOf(trackOf({ points: 1, stepMs: 1000, startMs: clock.wallUs() / 1000 })[0]));
    link.resets.length = 0;
    clock.advance(10_000);
    expect(link.resets).toHaveLength(1);
  });

  it("guesses a wrong speed where bytes come that are no sentences", () => {
    const { clock, sink, source, say } = rig();
    for (let at = 0; at < 20; at++) say("\u00fe\u0080x\u0007");
    clock.advance(5000);
    expect(sink.remedies.at(-1)).toContain("set baud to that of the receiver");
    expect(source.counters()).toEqual({ fixes: 0, malformed: 20 });
  });

  it("says why there is no link, and nothing after a stop", async () => {
    const { clock, link, sink, source } = rig();
    link.down("ENOENT");
    clock.advance(60_000);
    expect(sink.said).toEqual(["down: 127.0.0.1:2947: ENOENT"]);
    await source.stop();
    expect(clock.waiting()).toBe(0);
  });
});
