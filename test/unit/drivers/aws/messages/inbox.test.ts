import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { mqtt5 } from "aws-iot-device-sdk-v2";
import { beforeEach, describe, expect, it } from "vitest";
import type { ReceivedPublish } from "../../../../../agent/ports/broker.ts";
import { Inbox } from "../../../../../drivers/aws/messages/inbox.ts";
import { PoisonGuard } from "../../../../../drivers/aws/messages/poison-guard.ts";
import { ManualClock } from "../../../../fakes/core/clock.ts";
import { temporaryFolder } from "../../../../fakes/core/folder.ts";
import { MemoryLog } from "../../../../fakes/core/log.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const turns = async (count: number): Promise<void> => {
  for (let done = 0; done < count; done++) await turn();
};

function packet(topicName: string, bytes = 1, qos: 0 | 1 = 1): mqtt5.PublishPacket {
  return { topicName, qos, payload: new Uint8Array(bytes).buffer };
}

describe("Inbox", () => {
  let clock: ManualClock;
  let log: MemoryLog;
  let heard: string[];
  let acknowledged: string[];
  let deliver: (message: ReceivedPublish) => boolean;

  beforeEach(() => {
    clock = new ManualClock();
    log = new MemoryLog();
    heard = [];
    acknowledged = [];
    deliver = ({ topic }) => {
      heard.push(topic);
      if (topic === "bad") throw new TypeError("not what was expected");
      return true;
    };
  });

  const closedInbox = (poisonGuard?: PoisonGuard, bounds = { messages: 3, bytes: 1000 }): Inbox =>
    new Inbox({ bounds, poisonGuard, deliver: (message) => deliver(message), clock, log });
  const inboxOf = (...parts: Parameters<typeof closedInbox>): Inbox => {
    const inbox = closedInbox(...parts);
    inbox.open();
    return inbox;
  };
  const take = (inbox: Inbox, one: mqtt5.PublishPacket): boolean =>
    inbox.take(one, () => acknowledged.push(one.topicName));

  it("takes the time that a message waits off its life, suspend too", async () => {
    const lives: (number | undefined)[] = [];
    deliver = ({ messageExpirySeconds }) => {
      lives.push(messageExpirySeconds);
      return true;
    };
    const inbox = closedInbox();
    take(inbox, { ...packet("a"), messageExpiryIntervalSeconds: 5 });
    clock.advance(1000);
    take(inbox, { ...packet("b"), messageExpiryIntervalSeconds: 5 });
    take(inbox, packet("c"));
    clock.suspend(4500);
    inbox.open();
    await turns(3);
    expect(lives).toEqual([0, 0.5, undefined]);
  });

  it("hands messages over in order, one a turn, and acknowledges each after it", async () => {
    const inbox = inboxOf();
    for (const topic of ["a", "b", "c"]) take(inbox, packet(topic));
    expect(heard).toEqual([]);
    await turn();
    expect([heard, acknowledged]).toEqual([["a"], ["a"]]);
    await turns(2);
    expect(acknowledged).toEqual(["a", "b", "c"]);
    expect(inbox.counters()).toEqual({ taken: 3, discarded: 0, failed: 0, setAside: 0, waiting: 0 });
  });

  it("keeps what comes before it is open, in order and within its bounds, and acknowledges none of it", async () => {
    const inbox = closedInbox();
    for (const topic of ["a", "b", "c"]) expect(take(inbox, packet(topic))).toBe(true);
    expect(take(inbox, packet("d"))).toBe(false);
    await turns(5);
    expect([heard, acknowledged]).toEqual([[], []]);
    inbox.open();
    await turns(3);
    expect(acknowledged).toEqual(["a", "b", "c"]);
    expect(inbox.counters()).toEqual({ taken: 3, discarded: 1, failed: 0, setAside: 0, waiting: 0 });
  });

  it("takes an empty payload whose buffer is detached, as the client gives it", async () => {
    const buffer = new ArrayBuffer(0);
    structuredClone(buffer, { transfer: [buffer] });
    const inbox = inboxOf();
    take(inbox, { topicName: "a", qos: 1, payload: buffer, correlationData: buffer });
    await turn();
    expect(inbox.counters()).toMatchObject({ taken: 1, failed: 0 });
  });

  it("loses the message of a handler that throws, says where, and goes on", async () => {
    const inbox = inboxOf();
    for (const topic of ["bad", "good", "bad"]) take(inbox, packet(topic));
    await turns(3);
    expect(acknowledged).toEqual(["bad", "good", "bad"]);
    expect(inbox.counters()).toMatchObject({ taken: 1, failed: 2 });
    expect(log.of("broker.message-failed")).toMatchObject([
      { level: "error", facts: { topic: "bad", what: "not what was expected", sinceStart: 1 } },
    ]);
    await clock.run(10_000);
    take(inbox, packet("bad"));
    await turn();
    expect(log.of("broker.message-failed").at(-1)?.facts.sinceStart).toBe(3);
  });

  it("throws away QoS 0 over the bound of messages or bytes, and never QoS 1 for it", async () => {
    const inbox = inboxOf();
    for (const topic of ["a", "b", "c", "d"]) take(inbox, packet(topic, 1, 0));
    take(inbox, packet("urgent"));
    expect(inbox.counters()).toMatchObject({ discarded: 1, waiting: 4 });
    await turns(4);
    expect(heard).toEqual(["a", "b", "c", "urgent"]);
    take(inbox, packet("large", 900, 0));
    take(inbox, packet("too much", 900, 0));
    await turns(2);
    expect(heard.at(-1)).toBe("large");
    expect(inbox.counters().discarded).toBe(2);
    expect(log.of("broker.messages-discarded")).toHaveLength(1);
  });

  it("takes every message of QoS 1 that a broker may send, and says where one finds no room", async () => {
    const inbox = inboxOf(undefined, { messages: 100, bytes: 1000 });
    const taken = Array.from({ length: 101 }, (_, count) => {
      return inbox.take(packet(`m${count}`, 5000), () => acknowledged.push(`m${count}`));
    });
    expect(taken.filter((one) => !one)).toHaveLength(1);
    await turns(101);
    expect(acknowledged).toHaveLength(100);
    expect(inbox.counters().discarded).toBe(1);
  });

  it("hands nothing over any more once it is closed", async () => {
    const inbox = inboxOf();
    take(inbox, packet("a"));
    inbox.close();
    await turn();
    expect([heard, acknowledged]).toEqual([[], []]);
  });

  describe("with a note of what was in hand", () => {
    let file: string;

    beforeEach(() => {
      file = join(temporaryFolder(), "inbound.json");
    });

    const process_ = (maxCrashes = 2, version = "1.0"): Inbox =>
      inboxOf(new PoisonGuard({ file, version, maxCrashes, clock, log }));

    it("sets a message aside that was in hand when two processes ended, and acknowledges it", async () => {
      for (const expected of [true, true, false, false]) {
        heard = [];
        acknowledged = [];
        const inbox = process_();
        take(inbox, packet("deadly"));
        await turn();
        expect(heard.length === 1).toBe(expected);
        expect(acknowledged).toEqual(["deadly"]);
        expect(inbox.counters().setAside).toBe(expected ? 0 : 1);
      }
      expect(log.of("broker.message-set-aside")[0]).toMatchObject({
        level: "error",
        facts: { topic: "deadly", bytes: 1 },
      });
    });

    it("holds nothing against a message that a process outlived by a second, or that ended in order", async () => {
      const first = process_(1);
      take(first, packet("a"));
      await turn();
      await clock.run(1000);
      const second = process_(1);
      take(second, packet("a"));
      await turn();
      second.close();
      const third = process_(1);
      take(third, packet("a"));
      await turn();
      expect(heard).toEqual(["a", "a", "a"]);
    });

    it("holds nothing against a message that keeps coming and does no harm, whatever ends the processes", async () => {
      for (let processes = 0; processes < 4; processes += 1) {
        // Its own: what a process that has ended still waited for must not write any more.
        const time = new ManualClock();
        const inbox = inboxOf(new PoisonGuard({ file, version: "1.0", maxCrashes: 2, clock: time, log }));
        for (let ms = 0; ms < 3000; ms += 400) {
          take(inbox, packet("every moment"));
          await turn();
          await time.run(400);
        }
        take(inbox, packet("every moment"));
        await turn();
        expect(inbox.counters().setAside).toBe(0);
      }
    });

    it("gives a message that ended another version to this one", async () => {
      for (const version of ["2.0", "2.0", "1.0"]) {
        take(process_(2, version), packet("a"));
        await turn();
      }
      expect(heard).toEqual(["a", "a", "a"]);
    });

    it("does not blame the message that is not the same", async () => {
      take(process_(1), packet("a", 5));
      await turn();
      const inbox = process_(1);
      take(inbox, packet("a", 6));
      take(inbox, packet("a", 5));
      await turns(2);
      expect(inbox.counters()).toMatchObject({ taken: 1, setAside: 1 });
    });

    it("lets everything through where the note is damaged or cannot be kept", async () => {
      take(process_(1), packet("a"));
      await turn();
      writeFileSync(file, readFileSync(file, "utf8").slice(0, 20));
      take(process_(1), packet("a"));
      await turn();
      file = join(file, "not-a-folder");
      take(process_(1), packet("a"));
      await turn();
      expect(heard).toEqual(["a", "a", "a"]);
      expect(log.of("broker.note-not-kept")).toHaveLength(1);
    });
  });
});
