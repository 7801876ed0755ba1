import { expect, it } from "vitest";
import type { TunnelSocket } from "../../../agent/ports/tunnel.ts";
import { createFrameReader } from "../../../agent/tunnels/frames.ts";
import { TunnelSession } from "../../../agent/tunnels/session.ts";
import { readDescriptor } from "../../../config/proto/descriptor.ts";
import { relayFrame, TYPE } from "../../bench/cloud/tunnel-frames.ts";
import { fakeLocals } from "../../fakes/tunnels/service.ts";

it("ends with a service that asks on and on for what is not there, and takes no answer", async () => {
  let sent = 0;
  const socket: TunnelSocket = {
    protocol: 3,
    channelId: "",
    send: () => {
      sent += 1;
      return false;
    },
    pause: () => undefined,
    resume: () => undefined,
    close: () => undefined,
  };
  const session = new TunnelSession({
    ports: new Map([["SSH", 22]]),
    maxConnections: 8,
    mayOpen: () => true,
    readFrame: createFrameReader(readDescriptor("tunnel")),
    openLocal: fakeLocals().openLocal,
    report: { moved: () => undefined, carried: () => undefined, opened: () => undefined, ended: () => undefined },
  });
  session.begin(socket);
  const flood = relayFrame({ type: TYPE.streamStart, streamId: 1, serviceId: "OTHER", connectionId: 1 });
  for (let count = 0; count < 5000; count += 1) session.handlers.onBytes(flood);
  await expect(session.over).resolves.toMatchObject({ kind: "violated" });
  expect(sent).toBe(1025);
  // What was refused is known when it is over, too.
  expect(session.counts().refused).toBe(1025);
});
