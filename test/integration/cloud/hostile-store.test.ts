import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { Clock } from "../../../agent/core/clock.ts";
import type { RequestBody, StoreAnswer } from "../../../agent/ports/object-store.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { createHttpsStore } from "../../../drivers/os/upload/https-store.ts";
import { createAuthority } from "../../bench/cloud/certificate-authority.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const SEED = 1804;
const ANSWERS = 120;
/** Waiting takes a thousandth of its time, but silence on a connection, which the system times. */
const SPEED = 1000;
const SILENCE_MS = 150;
const BODY_BYTES = 8_000_000;
const SMALL = { method: "POST", body: { kind: "text", text: "<x/>" } } as const;
const QUERY = "X-Amz-Signature=canary&X-Amz-Security-Token=canary";

/** What the server does with a connection whose request has begun to come. */
type Hostility = (socket: TLSSocket, request: string) => void;

let server: Server;
let file = "";
let serve: Hostility = () => undefined;
let writtenBytes = 0;
let send: (body?: RequestBody) => Promise<StoreAnswer>;

beforeEach(async () => {
  const folder = temporaryFolder();
  file = join(folder, "file");
  writeFileSync(file, Buffer.alloc(BODY_BYTES));
  const authority = createAuthority(join(folder, "ca"));
  const ca = readFileSync(authority.caFile, "utf8");
  const subjectAltNames = [{ kind: "ip", value: "127.0.0.1" } as const];
  const issued = await authority.issue({ commonName: "odd", subjectAltNames, usage: "server" });
  server = createServer({ cert: issued.certificatePem, key: issued.privateKeyPem }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("close", () => {
      writtenBytes = socket.bytesWritten;
    });
    socket.once("data", (data) => serve(socket, String(data)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = z.object({ port: z.number() }).parse(server.address());
  const settings = { maxBytesPerSecond: undefined, minBytesPerSecond: 200, minRateWindowMs: SILENCE_MS };
  const store = createHttpsStore({ settings, ca, proxyFor: () => undefined, clock: fastClock() });
  const url = `https://127.0.0.1:${port}/file?${QUERY}`;
  send = (body = SMALL.body) => {
    const method = body.kind === "text" ? SMALL.method : "PUT";
    return store.send({ method, url, headers: {}, body }, () => undefined, new AbortController().signal);
  };
});

afterEach(() => void server.close());

function fastClock(): Clock {
  const real = systemClock();
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> => real.sleep(ms / SPEED, signal);
  return { ...real, monotonicMs: () => real.monotonicMs() * SPEED, sleep };
}

/** Says `text` again and again until the connection is over. */
function repeating(text: string, everyMs: number): Hostility {
  return (socket) => {
    const timer = setInterval(() => socket.write(text), everyMs);
    socket.on("close", () => clearInterval(timer));
  };
}

describe("an object store that means no good", () => {
  it("ends an answer that trickles on and on", async () => {
    serve = (socket, request) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n");
      repeating(" ", 5)(socket, request);
    };
    expect(await send()).toMatchObject({ kind: "unavailable" });
  });

  it("ends a connection that says that it is at work on and on", async () => {
    serve = repeating("HTTP/1.1 102 Processing\r\n\r\n", 5);
    expect(await send()).toMatchObject({ kind: "unavailable" });
  });

  it("ends a connection that talks and takes none of the file", async () => {
    serve = (socket, request) => {
      socket.pause();
      repeating("HTTP/1.1 102 Processing\r\n\r\n", 5)(socket, request);
    };
    const body = { kind: "file", path: file, offset: 0, bytes: BODY_BYTES } as const;
    expect(await send(body)).toMatchObject({ kind: "unavailable" });
  });

  it("reads no more of an answer than it may have", async () => {
    serve = (socket) => {
      socket.write("HTTP/1.1 403 Forbidden\r\n\r\n");
      const blanks = Buffer.alloc(1_000_000, " ");
      const push = (): void => {
        while (!socket.destroyed && socket.write(blanks));
      };
      socket.on("drain", push);
      push();
    };
    expect(await send()).toEqual({ kind: "refused", status: 403, code: undefined, isExpired: false });
    await expect.poll(() => writtenBytes).toBeGreaterThan(0);
    // What is in the buffers of two sockets, and what the server has pushed after it.
    expect(writtenBytes).toBeLessThan(16_000_000);
  });

  it(`gives one answer of its own words for each of ${ANSWERS} at random (seed ${SEED})`, {
    timeout: 20_000,
  }, async () => {
    const random = seededRandom(SEED);
    const kinds: Record<string, number> = {};
    for (let at = 0; at < ANSWERS; at += 1) {
      serve = hostility(random);
      const answer = await send();
      kinds[answer.kind] = (kinds[answer.kind] ?? 0) + 1;
      // What it says in its own words goes nowhere.
      const text = JSON.stringify({ ...answer, text: undefined });
      expect(text.length).toBeLessThan(400);
      expect(text).not.toContain("Security-Token");
      if (answer.kind === "done" && answer.etag !== undefined) expect(answer.etag).toMatch(/^"[^"<>&\s]+"$/);
    }
    // Each of the three is met, or the answers are no test.
    expect(Object.keys(kinds).toSorted()).toEqual(["done", "refused", "unavailable"]);
  });
});

/** An answer that is put together at random from what servers say, rightly and wrongly, with what was asked in it. */
function hostility(random: () => number): Hostility {
  /** The first is what is right: it comes more often, so that what is odd about the others is looked at. */
  const pick = <T>(some: readonly T[]): T => some[random() < 0.5 ? 0 : Math.floor(random() * some.length)] ?? some[0];
  const refusals = ["403", "400", "404", "301", "307", "429", "500", "503"];
  const odds = ["100", "101", "204", "206", "0", "99999", "2x0"];
  const status = pick(["200", pick(refusals), pick(refusals), pick(odds)]);
  const code = pick([
    "AccessDenied",
    "ExpiredToken",
    "SlowDown",
    "RequestTimeout",
    "A".repeat(70_000),
    "",
    "a b",
    "<Code>",
    "&lt;",
  ]);
  const length = pick([
    "",
    "Content-Length: 7\r\n",
    "Content-Length: -1\r\n",
    "Content-Length: 99999999999999\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
  ]);
  const etag = pick([
    "",
    'ETag: "a"\r\n',
    "ETag: <Part>\r\n",
    `ETag: "${"e".repeat(9000)}"\r\n`,
    `ETag: "${QUERY}"\r\n`,
    'ETag: "a"\r\nETag: "b"\r\n',
  ]);
  const odd = pick([
    "",
    `X-A: ${"x".repeat(17_000)}\r\n`,
    "X-A\r\n",
    "\0: \x01\r\n",
    "Location: https://elsewhere.example.com/\r\n",
  ]);
  const prefix = pick(["", " ".repeat(60_000), '<?xml version="1.0"?>\n', "\uFEFF", '<!DOCTYPE a [<!ENTITY b "c">]>']);
  const end = pick(["end", "cut", "end", "cut", "end", "silence"] as const);
  const cut = random();
  return (socket, request) => {
    const error = `<Error><Code>${code}</Code><Message>Request has expired ${request}</Message></Error>`;
    const body = `${prefix}${pick([error, `<ETag>${QUERY}</ETag>`, "<ETag>&quot;b&quot;</ETag>", request])}`;
    const whole = `HTTP/1.1 ${status} ${pick(["OK", QUERY, ""])}\r\n${length}${etag}${odd}\r\n${body}`;
    socket.write(cut < 0.3 ? whole.slice(0, Math.floor((whole.length * cut) / 0.3)) : whole);
    if (end === "end") socket.end();
    if (end === "cut") setImmediate(() => socket.destroy());
  };
}
