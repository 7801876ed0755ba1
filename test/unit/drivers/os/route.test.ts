import { describe, expect, it } from "vitest";
import { Route } from "../../../../drivers/os/route.ts";
import { ManualClock } from "../../../fakes/core/clock.ts";

/** A route whose resolver is counted; `answer` is what it says, or why it does not. */
function counted(answer: () => readonly string[]) {
  const clock = new ManualClock();
  let asked = 0;
  const resolve = async () => {
    asked += 1;
    return answer();
  };
  const route = new Route({ host: "broker.example", port: 8883, clock, resolve });
  const lookFor = async (seconds: number): Promise<number> => {
    const before = asked;
    for (let second = 0; second < seconds; second++) {
      await route.interfaceName();
      clock.advance(1000);
    }
    return asked - before;
  };
  return { route, lookFor };
}

describe("Route", () => {
  it.each(["127.0.0.1", "localhost", "::1", "[::1]"])("names the interface towards %s", async (host) => {
    const route = new Route({ host, port: 8883, clock: new ManualClock() });
    expect(await route.interfaceName()).toBe("lo");
  });

  it("says when there is no way", async () => {
    const route = new Route({ host: "no-such-host.invalid", port: 8883, clock: new ManualClock() });
    expect(await route.interfaceName()).toBeUndefined();
  });

  it("asks the resolver once an hour, however often it is looked at", async () => {
    const { lookFor } = counted(() => ["127.0.0.1"]);
    expect(await lookFor(4000)).toBe(2);
  });

  it("asks with growing pauses while there is no answer, and at once knows the way when there is one", async () => {
    let isThere = false;
    const { route, lookFor } = counted(() => {
      if (!isThere) throw new Error("EAI_AGAIN");
      return ["127.0.0.1"];
    });
    expect(await lookFor(3600)).toBeLessThanOrEqual(21);
    isThere = true;
    await lookFor(301);
    expect(await route.interfaceName()).toBe("lo");
    isThere = false;
    expect(await lookFor(3600)).toBeLessThanOrEqual(2);
    expect(await route.interfaceName()).toBe("lo");
  });

  it("asks at once when the host has just been reached, whatever the pause is", async () => {
    let isThere = false;
    const { route, lookFor } = counted(() => {
      if (!isThere) throw new Error("EAI_AGAIN");
      return ["127.0.0.1"];
    });
    await lookFor(3600);
    isThere = true;
    expect(await route.interfaceName(true)).toBe("lo");
  });

  it("does not wait for the resolver where a way is known", async () => {
    const clock = new ManualClock();
    const answers = [Promise.resolve(["127.0.0.1"])];
    const resolve = () => answers.shift() ?? new Promise<readonly string[]>(() => undefined);
    const route = new Route({ host: "broker.example", port: 8883, clock, resolve });
    expect(await route.interfaceName()).toBe("lo");
    clock.advance(3_600_000);
    expect(await route.interfaceName()).toBe("lo");
  });
});
