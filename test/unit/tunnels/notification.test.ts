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
