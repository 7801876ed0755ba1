import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FRAME_TYPES, type FrameType, frameOf, type TunnelFrame } from "../../../agent/tunnels/frames.ts";
import { DestinationStreams, type StreamEffect, type TunnelProtocol } from "../../../agent/tunnels/streams.ts";
import { openAfter, type StreamEvent, wrongWith } from "../../fakes/tunnels/stream-model.ts";

const SEED = 18;

function streams(protocol: TunnelProtocol = 3, services: readonly string[] = ["SSH", "VNC"], maxConnections = 4) {
  return new DestinationStreams({ protocol, services, maxConnections });
}

const start = (streamId: number, serviceId = "SSH", connectionId = 1): TunnelFrame =>
  frameOf("STREAM_START", { streamId, serviceId, connectionId });
/** Frames as [type, stream, service, connection], other effects as they are. */
const sent = (effects: readonly StreamEffect[]): readonly unknown[] =>
  effects.map((effect): unknown => {
    if (effect.kind !== "send") return effect;
    const { type, streamId, serviceId, connectionId } = effect.frame;
    return [type, streamId, serviceId, connectionId];
  });

const names = Object.keys(FRAME_TYPES).filter((name): name is FrameType => Object.hasOwn(FRAME_TYPES, name));
const events = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      frame: fc
        .record({
          type: fc.constantFrom(
            ...names.filter((name) => name !== "SERVICE_IDS"),
            "STREAM_START" as const,
            "CONNECTION_START" as const,
          ),
          streamId: fc.integer({ min: -1, max: 3 }),
          serviceId: fc.constantFrom("SSH", "SSH", "VNC", "", "X"),
          connectionId: fc.integer({ min: 0, max: 3 }),
        })
        .map(({ type, ...rest }) => frameOf(type, rest)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .subarray(["SSH", "VNC"])
      .map((availableServiceIds) => ({ frame: frameOf("SERVICE_IDS", { availableServiceIds }) })),
  },
  { weight: 2, arbitrary: fc.record({ ends: fc.integer({ min: 1, max: 12 }) }) },
);

describe("the streams of a destination", () => {
  it("open what the source asks for, and answer nothing", () => {
    const one = streams();
    expect(one.take(start(5))).toEqual([{ kind: "open", connection: 1, service: "SSH" }]);
    expect(one.take(frameOf("CONNECTION_START", { streamId: 5, serviceId: "SSH", connectionId: 2 }))).toEqual([
      { kind: "open", connection: 2, service: "SSH" },
    ]);
    const payload = Buffer.from("hi");
    expect(one.take(frameOf("DATA", { streamId: 5, serviceId: "SSH", connectionId: 2, payload }))).toEqual([
      { kind: "write", connection: 2, bytes: payload },
    ]);
    expect(one.take(frameOf("DATA", { streamId: 4, serviceId: "SSH", connectionId: 2, payload }))).toEqual([]);
    expect(one.counts()).toEqual({ ignored: 1, refused: 0 });
  });

  it("answer an older source in its own version", () => {
    const third = streams(3, ["SSH"]);
    third.take(frameOf("STREAM_START", { streamId: 1 }));
    const [data] = third.localData(1, Buffer.from("x"));
    expect(data).toMatchObject({ frame: { type: "DATA", streamId: 1, serviceId: "", connectionId: 0 } });
    expect(sent(third.localEnded(1))).toEqual([["STREAM_RESET", 1, "", 0]]);
    const second = streams(2);
    second.take(start(1, "VNC", 0));
    expect(sent(second.localEnded(1))).toEqual([["STREAM_RESET", 1, "VNC", 0]]);
    const newest = streams();
    newest.take(start(1));
    expect(sent(newest.localEnded(1))).toEqual([["CONNECTION_RESET", 1, "SSH", 1]]);
  });

  it("take a source that names no service for the one that the tunnel is for", () => {
    const one = streams();
    const unnamed = frameOf("STREAM_START", { streamId: 1 });
    expect(sent(one.take(unnamed))).toEqual([["STREAM_RESET", 1, "", 0]]);
    one.take(frameOf("SERVICE_IDS", { availableServiceIds: ["VNC"] }));
    expect(one.take(unnamed)).toEqual([{ kind: "open", connection: 1, service: "VNC" }]);
    expect(sent(one.localEnded(1))).toEqual([["STREAM_RESET", 1, "", 0]]);
  });

  it("go on with a stream that the source had before a cut", () => {
    const one = streams();
    const again = frameOf("CONNECTION_START", { streamId: 7, serviceId: "SSH", connectionId: 4 });
    expect(one.take(again)).toEqual([{ kind: "open", connection: 1, service: "SSH" }]);
    expect(one.take({ ...again, connectionId: 5 })).toEqual([{ kind: "open", connection: 2, service: "SSH" }]);
    // One of another stream is stale, and one of a service that is not there opens none.
    expect(one.take({ ...again, streamId: 6, connectionId: 6 })).toEqual([]);
    expect(one.take({ ...again, serviceId: "X" })).toEqual([]);
    expect(sent(one.localEnded(2))).toEqual([["CONNECTION_RESET", 7, "SSH", 5]]);
  });

  it("refuse what is not allowed, a connection that is there, and more of them than there may be", () => {
    const one = streams(3, ["SSH"], 2);
    expect(sent(one.take(start(1, "VNC")))).toEqual([["STREAM_RESET", 1, "VNC", 0]]);
    one.take(start(1));
    const again = frameOf("CONNECTION_START", { streamId: 1, serviceId: "SSH", connectionId: 1 });
    expect(sent(one.take(again))).toEqual([{ kind: "close", connection: 1 }, ["CONNECTION_RESET", 1, "SSH", 1]]);
    one.take(again);
    one.take({ ...again, connectionId: 2 });
    expect(sent(one.take({ ...again, connectionId: 3 }))).toEqual([["CONNECTION_RESET", 1, "SSH", 3]]);
    expect(one.counts().refused).toBe(3);
  });

  it("end the tunnel where it is for another service, or speaks another protocol", () => {
    expect(streams().take(frameOf("SERVICE_IDS", { availableServiceIds: ["SSH"] }))).toEqual([]);
    expect(streams().take(frameOf("SERVICE_IDS", { availableServiceIds: ["SSH", "RDP"] }))).toMatchObject([
      { kind: "end" },
    ]);
    expect(streams().take({ ...frameOf("DATA"), type: 9 })).toMatchObject([{ kind: "end" }]);
    expect(streams().take({ ...frameOf("DATA"), type: 9, ignorable: true })).toEqual([]);
  });

  it("cut what a local service sends into payloads that fit", () => {
    const one = streams();
    one.take(start(1));
    const lengths = one
      .localData(1, new Uint8Array(150_000))
      .map((effect) => (effect.kind === "send" ? effect.frame.payload.length : 0));
    expect(lengths).toEqual([64_512, 64_512, 20_976]);
    expect(one.localData(9, new Uint8Array(1))).toEqual([]);
  });

  it("have open what the model has, and never send what a destination must not", () => {
    fc.assert(
      fc.property(
        fc.array(events, { maxLength: 40 }),
        fc.constantFrom<TunnelProtocol>(1, 2, 3),
        fc.constantFrom(["SSH"], ["SSH", "VNC"]),
        fc.integer({ min: 1, max: 4 }),
        (given: readonly StreamEvent[], protocol, services, maxConnections) => {
          const settings = { protocol, services, maxConnections };
          const subject = new DestinationStreams(settings);
          const open = new Set<number>();
          const chosen = new Set<number>();
          for (const [index, event] of given.entries()) {
            if ("frame" in event) chosen.add(event.frame.streamId);
            const effects = "frame" in event ? subject.take(event.frame) : subject.localEnded(event.ends);
            if ("ends" in event) open.delete(event.ends);
            for (const effect of effects) {
              if (effect.kind === "open") open.add(effect.connection);
              if (effect.kind === "close") expect(open.delete(effect.connection)).toBe(true);
              if (effect.kind === "write") expect(open.has(effect.connection)).toBe(true);
              expect(wrongWith(effect, chosen, protocol)).toBeUndefined();
            }
            expect([...open].toSorted((a, b) => a - b)).toEqual(openAfter(given.slice(0, index + 1), settings));
            expect(open.size).toBeLessThanOrEqual(maxConnections);
          }
        },
      ),
      { seed: SEED, numRuns: 2000 },
    );
  });
});
