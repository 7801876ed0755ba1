import { describe, expect, it } from "vitest";
import { runWithLink } from "../../../agent/files/upload-link.ts";
import { withPlace } from "../../../agent/files/upload-plan.ts";
import { ShortFile, type StoreAnswer } from "../../../agent/ports/object-store.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeBroker } from "../../fakes/ports/broker.ts";
import { FakeJournal } from "../../fakes/ports/journal.ts";
import { HOUR_MS, PLAN, runFor, uploaderRig } from "./uploader-rig.ts";

const WHOLE = { kind: "whole", url: "https://b.example.com/first" } as const;

const systemError = (code: string): Error =>
  Object.assign(new Error(`${code}: it fails, open '/var/lib/causeway/uploads/u-1'`), { code });

describe("Uploader where something fails", () => {
  it("waits for a disk that fails, sends what can be read meanwhile, and gives up a file that is gone", async () => {
    const clock = new ManualClock();
    let fault: Error | undefined = systemError("EMFILE");
    const { book, uploader, uploaded, notices, released } = uploaderRig(new FakeJournal({ clock }), clock, {
      send: async ({ url }) => {
        if (fault !== undefined && url.includes("first")) throw fault;
        return { kind: "done", etag: undefined };
      },
    });
    book.put(withPlace(PLAN, WHOLE));
    book.put(withPlace({ ...PLAN, id: "u-2" }, { kind: "whole", url: "https://b.example.com/second" }));
    await runFor(uploader, clock, HOUR_MS);
    expect([uploaded.map(({ upload }) => upload), notices, released]).toEqual([["u-2"], [], ["u-2"]]);
    expect(uploader.problemOf("u-1")).toBe("the file that is held cannot be read: EMFILE");
    fault = undefined;
    await runFor(uploader, clock, HOUR_MS);
    expect(uploaded.map(({ upload }) => upload)).toEqual(["u-2", "u-1"]);
    for (const gone of [systemError("ENOENT"), new ShortFile()]) {
      fault = gone;
      book.put(withPlace(PLAN, WHOLE));
      uploader.wake("u-1");
      await runFor(uploader, clock, HOUR_MS);
    }
    expect(notices.map(({ event }) => event)).toEqual(["upload.failed", "upload.failed"]);
    expect(JSON.stringify(notices)).not.toContain("/var/lib");
    expect([released.slice(2), book.plans]).toEqual([["u-1", "u-1"], []]);
  });

  it("ends with a bug, and holds the file", async () => {
    const clock = new ManualClock();
    const { book, uploader, notices, released } = uploaderRig(new FakeJournal({ clock }), clock, {
      send: async () => {
        throw new TypeError("a bug");
      },
    });
    book.put(withPlace(PLAN, WHOLE));
    await expect(uploader.run(new AbortController().signal)).rejects.toThrow("a bug");
    expect([notices, released, book.get("u-1")?.state]).toEqual([[], [], "sending"]);
  });

  it("sends again at once when the link is back, and cuts nothing that is on its way", async () => {
    const clock = new ManualClock();
    const broker = new FakeBroker({ clock });
    const network: { answer: Promise<StoreAnswer> } = {
      answer: Promise.resolve({ kind: "unavailable", detail: "ENETUNREACH" }),
    };
    let asked = 0;
    const cuts: unknown[] = [];
    const { book, uploader, uploaded } = uploaderRig(new FakeJournal({ clock }), clock, {
      send: (_request, _onBytes, signal) => {
        asked += 1;
        signal.addEventListener("abort", () => cuts.push(asked));
        return network.answer;
      },
    });
    book.put(withPlace(PLAN, WHOLE));
    const stopping = new AbortController();
    const done = runWithLink(uploader, broker, stopping.signal);
    broker.start();
    broker.disconnect();
    await clock.run(2 * HOUR_MS);
    const tries = asked;
    const { promise, resolve } = Promise.withResolvers<StoreAnswer>();
    network.answer = promise;
    broker.connect();
    await clock.run(1);
    expect(asked - tries).toBe(1);
    broker.disconnect();
    broker.connect();
    await clock.run(1);
    resolve({ kind: "done", etag: undefined });
    await clock.run(1);
    expect([asked - tries, cuts, uploaded.length]).toEqual([1, [], 1]);
    stopping.abort();
    await clock.run(1);
    await done;
  });
});
