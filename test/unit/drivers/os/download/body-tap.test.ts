import { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { BodyTap } from "../../../../../drivers/os/download/body-tap.ts";
import { seededRandom } from "../../../../bench/core/seeded-random.ts";

const HEAD = "HTTP/1.1 200 OK\r\nserver: x\r\n\r\n";

const random = seededRandom(6);
const CONTENT = Buffer.from(Uint8Array.from({ length: 2_000_000 }, () => Math.floor(random() * 256)));

let tap: BodyTap;
let response: IncomingMessage;
/** What has come to node:http. */
let passed: Buffer;
let isReading: boolean;
let destroyed: Error | undefined;
let onHead: () => void;

beforeEach(begin);

function begin(): void {
  tap = new BodyTap();
  response = new IncomingMessage(new Socket());
  passed = Buffer.alloc(0);
  isReading = true;
  destroyed = undefined;
  onHead = () => undefined;
  tap.attach({
    push: (piece) => {
      passed = Buffer.concat([passed, piece]);
      if (passed.includes("\r\n\r\n")) onHead();
      return true;
    },
    resume: () => {
      isReading = true;
    },
    destroy: (error) => {
      destroyed = error;
    },
  });
}

/** One record as node:tls hands it over: into the buffer that it was given once. */
function comes(record: Uint8Array): void {
  const { buffer, callback } = tap.onRead;
  buffer.set(record);
  if (!callback(record.length, buffer)) isReading = false;
  buffer.fill(0);
}

function turnOfLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Sends `all` in records while reading is not paused; a pause lets some more through, as node:tls does. */
async function send(all: Buffer, sizes: readonly number[]): Promise<void> {
  let extra = 4;
  for (let at = 0, turn = 0; at < all.length && destroyed === undefined; turn += 1) {
    if (!isReading && extra-- <= 0) {
      await turnOfLoop();
      if (!isReading) continue;
      extra = 4;
    }
    const size = sizes[turn % sizes.length];
    comes(all.subarray(at, at + size));
    at += size;
    if (turn % 7 === 0) await turnOfLoop();
  }
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of body) {
    // What comes meanwhile does not change it.
    for (let turn = 0; turn < 20 && pieces.length % 3 === 0; turn += 1) await turnOfLoop();
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

describe("the body of an answer, from its connection", () => {
  it("is what came behind the head, which node:http gets, however both are cut into records", async () => {
    const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 4000, max: 16_384 })), {
      minLength: 1,
      maxLength: 20,
    });
    const property = fc.asyncProperty(sizes, fc.nat(600_000), fc.nat(3), async (cuts, bytes, more) => {
      const content = CONTENT.subarray(0, bytes);
      const sending = send(Buffer.concat([Buffer.from(HEAD), content, Buffer.alloc(more)]), cuts);
      while (!passed.includes("\r\n\r\n")) await turnOfLoop();
      const body = tap.bodyOf(response, content.length);
      if (body === undefined) throw new Error("it is not taken");
      expect((await collect(body)).equals(content)).toBe(true);
      await sending;
      expect(passed.toString()).toBe(HEAD);
    });
    await fc.assert(property.beforeEach(begin), { numRuns: 40, seed: 19 });
  });

  it("pauses the connection while nobody takes it, and takes what still comes", async () => {
    const content = CONTENT;
    comes(Buffer.from(HEAD));
    expect([isReading, tap.isPaused]).toEqual([false, false]);
    const body = tap.bodyOf(response, content.length);
    if (body === undefined) throw new Error("it is not taken");
    const pieces = body[Symbol.asyncIterator]();
    const first = pieces.next();
    expect(isReading).toBe(true);
    let at = 0;
    const record = (): void => comes(content.subarray(at, (at += 10_000)));
    for (record(); isReading; ) record();
    expect(tap.isPaused).toBe(true);
    await first;
    expect(at).toBeLessThan(600_000);
    for (let more = 0; more < 6; more += 1) record();
    expect(destroyed).toBeUndefined();
    while (at < 2_000_000 && destroyed === undefined) record();
    expect(destroyed?.message).toBe("the connection does not pause");
  });

  it("gives what has come before it says that the connection was cut", async () => {
    comes(Buffer.from(`${HEAD}some`));
    const body = tap.bodyOf(response, 100);
    if (body === undefined) throw new Error("it is not taken");
    response.destroy(new Error("aborted"));
    await turnOfLoop();
    const pieces = body[Symbol.asyncIterator]();
    expect(Buffer.from((await pieces.next()).value ?? []).toString()).toBe("some");
    await expect(pieces.next()).rejects.toThrow("aborted");
  });

  it.each([
    ["its length is not told", undefined, {}],
    ["it is encoded for the transfer", 4, { "transfer-encoding": "chunked" }],
  ])("is left to node:http where %s", (_why, bytes, headers) => {
    response.headers = headers;
    comes(Buffer.from(`${HEAD}so`));
    expect(tap.bodyOf(response, bytes)).toBeUndefined();
    comes(Buffer.from("me"));
    expect(passed.toString()).toBe(`${HEAD}some`);
    expect(isReading).toBe(true);
  });

  it("is left to node:http with all that follows an interim answer", () => {
    onHead = () => tap.leave();
    const all = `HTTP/1.1 103 Early Hints\r\n\r\n${HEAD}some`;
    comes(Buffer.from(all.slice(0, 40)));
    comes(Buffer.from(all.slice(40)));
    expect(tap.bodyOf(response, 4)).toBeUndefined();
    expect(passed.toString()).toBe(all);
  });

  it("is left to node:http where that finds the end of a head that is none here", () => {
    comes(Buffer.from("HTTP/1.1 200 OK\n\nsome"));
    expect(tap.bodyOf(response, 4)).toBeUndefined();
    expect(passed.toString()).toBe("HTTP/1.1 200 OK\n\nsome");
  });
});
