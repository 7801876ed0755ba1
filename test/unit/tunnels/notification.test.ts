import { describe, expect, it } from "vitest";
import { takeNotification } from "../../../agent/tunnels/notification.ts";
import { TOKEN, tunnelsRig } from "../../fakes/tunnels/tunnels-rig.ts";

const MINUTE_MS = 60_000;

describe("a notification of the service", () => {
  const notification = {
    clientAccessToken: TOKEN,
    clientMode: "destination",
    region: "eu-central-1",
    services: ["SSH"],
  };
  const take = (one: ReturnType<typeof tunnelsRig>, document: unknown, forbidden?: string): void =>
    takeNotification(Buffer.from(JSON.stringify(document)), one.tunnels, () => forbidden);

  it("opens a tunnel for the services that it names, where the policy allows it", () => {
    const one = tunnelsRig();
    take(one, notification, "no rule of the policy allows tunnel.notify");
    expect(one.tunnels.list()).toEqual([]);
    expect(one.records.at(-1)).toBe("tunnel.refused by notification: no rule of the policy allows tunnel.notify");
    take(one, notification);
    expect(one.tunnels.list()).toMatchObject([{ services: ["SSH"] }]);
  });

  it("whose tunnel is open yet opens one when that has lost its WebSocket: its token was rotated", async () => {
    const one = tunnelsRig();
    take(one, notification);
    await one.clock.run(0);
    take(one, { ...notification, clientAccessToken: "rotated" });
    expect(one.tunnels.list()).toMatchObject([{ id: 1, state: "open" }]);
    await one.clock.run(40_000);
    one.service.sockets[0]?.handlers.onClosed("the service is silent");
    await one.clock.run(1000);
    expect(one.tunnels.list()).toMatchObject([{ id: 2, state: "open" }]);
    expect(one.service.targets.map(({ accessToken }) => accessToken)).toEqual([TOKEN, "rotated"]);
    expect(one.records.at(-1)).toContain("tunnel.ended tunnel 1, closed (another token came)");
  });

  it("waits for no tunnel of other services, nor for long, nor for one that somebody has signed", async () => {
    const first = tunnelsRig();
    first.tunnels.open(
      { accessToken: TOKEN, region: "eu-central-1", services: ["SSH"], minutes: undefined },
      "command",
    );
    const second = tunnelsRig();
    take(second, { ...notification, services: ["VNC"] });
    const third = tunnelsRig();
    take(third, notification);
    for (const one of [first, second, third]) {
      await one.clock.run(0);
      take(one, { ...notification, clientAccessToken: "rotated" });
      if (one === third) await one.clock.run(121_000);
      one.service.sockets[0]?.handlers.onClosed("reset");
      await one.clock.run(1000);
      expect(one.tunnels.list()).toMatchObject([{ id: 1 }]);
    }
  });

  it("opens no more than ten a minute", async () => {
    const one = tunnelsRig();
    for (let count = 0; count < 30; count++) {
      one.service.answers.push({ kind: "refused", status: 403, detail: "HTTP 403" });
      take(one, { ...notification, clientAccessToken: `token-${count}` });
      await one.clock.run(0);
    }
    expect(one.tunnels.counts()).toMatchObject({ opened: 10, refused: 20 });
    await one.clock.run(MINUTE_MS);
    take(one, notification);
    expect(one.tunnels.list().length).toBe(1);
  });

  it("asks the policy once for each, and not for what is none", () => {
    let asked = 0;
    const one = tunnelsRig();
    const forbidden = (): undefined => void (asked += 1);
    takeNotification(Buffer.from("none"), one.tunnels, forbidden);
    expect(asked).toBe(0);
    takeNotification(Buffer.from(JSON.stringify(notification)), one.tunnels, forbidden);
    expect(asked).toBe(1);
  });

  it("for a source, or that is none, opens nothing", () => {
    const one = tunnelsRig();
    take(one, { ...notification, clientMode: "source" });
    take(one, { ...notification, clientAccessToken: "a\nb" });
    take(one, { ...notification, services: Array(100).fill("SSH") });
    takeNotification(Buffer.from([0xff, 0xfe]), one.tunnels, () => undefined);
    takeNotification(Buffer.alloc(100_000, 32), one.tunnels, () => undefined);
    expect(one.tunnels.list()).toEqual([]);
    expect(one.tunnels.counts().refused).toBe(5);
  });
});
