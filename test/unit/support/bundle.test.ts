import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { AgentError } from "../../../agent/core/errors.ts";
import { keepRecent, type LogLine } from "../../../agent/core/recent-log.ts";
import { collectBundle, type SupportParts } from "../../../agent/support/bundle.ts";
import { redact } from "../../../agent/support/redact.ts";
import { seededRandom } from "../../bench/core/seeded-random.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { MemoryLog } from "../../fakes/core/log.ts";

const omitted = z.looseObject({
  log: z.array(z.unknown()),
  omitted: z.object({ logLines: z.number(), sections: z.array(z.string()) }),
});

async function bundleOf(change: Partial<SupportParts>) {
  const { name, content, sha256 } = await collectBundle({
    about: { version: "1.0.0" },
    sections: {},
    log: () => [],
    nowMs: 1_767_225_600_000,
    maxBytes: 65_536,
    ...change,
  });
  return { name, content, sha256, document: omitted.parse(JSON.parse(gunzipSync(content).toString())) };
}

/** A log whose lines do not compress away. */
function noise(lines: number): readonly LogLine[] {
  const random = seededRandom(1);
  const text = () => Array.from({ length: 20 }, () => random().toString(36)).join("");
  return Array.from({ length: lines }, (_, atMs) => ({ atMs, level: "info", event: "a.b", facts: { text: text() } }));
}

describe("a support bundle", () => {
  it("goes on where a section fails, and says what failed", async () => {
    const { document, name, content, sha256 } = await bundleOf({
      sections: {
        bad: () => {
          throw new AgentError("identity.tpm-absent", { what: "no TPM", remedy: "" });
        },
        slow: () => Promise.reject(new Error("gone")),
        good: () => ({ count: 1 }),
      },
    });
    expect(document).toMatchObject({
      about: { version: "1.0.0" },
      collectedAt: "2026-01-01T00:00:00.000Z",
      bad: { fault: { code: "identity.tpm-absent", what: "no TPM" } },
      slow: { fault: { code: "internal.bug", what: "gone" } },
      good: { count: 1 },
    });
    expect(sha256).toBe(createHash("sha256").update(content).digest("hex"));
    expect(name).toBe(`support-20260101T000000Z-${sha256.slice(0, 8)}.json.gz`);
  });

  it("stays within its bound: the oldest log lines go first, then sections from the last", async () => {
    const sections = { first: () => "a", second: () => noise(30).map(({ facts }) => facts.text) };
    const long = await bundleOf({ sections, log: () => noise(400), maxBytes: 32_768 });
    expect(long.content.length).toBeLessThanOrEqual(32_768);
    expect(long.document.omitted.sections).toEqual([]);
    expect(long.document.log.length + long.document.omitted.logLines).toBe(400);
    expect(long.document.log.at(-1)).toMatchObject({ atMs: 399 });
    const tight = await bundleOf({ sections, log: () => noise(400), maxBytes: 4096 });
    expect(tight.content.length).toBeLessThanOrEqual(4096);
    expect(tight.document).toMatchObject({ first: "a", omitted: { logLines: 400, sections: ["second"] } });
  });
});

describe("redaction", () => {
  const CANARY = "c4n4ry";
  const PEM = `-----BEGIN PRIVATE KEY-----\n${CANARY}\n-----END PRIVATE KEY-----`;

  it.each([
    ["a PEM block in a text", { what: `read ${PEM} from a file` }],
    ["a PEM block that is cut", { what: `-----BEGIN EC PRIVATE KEY-----\n${CANARY}` }],
    ["the query of a signed URL", { url: `https://bucket.example/a.bin?X-Amz-Credential=${CANARY}&X-Amz-Signature=1` }],
    ["the fragment and the user of a URL", { text: `get https://me:${CANARY}@host/a#${CANARY} failed` }],
    ["a PIN by its name", { identity: { pin: CANARY, userPin: CANARY } }],
    ["provisioning parameters", { parameters: { Secret: CANARY } }],
    ["tokens, passwords and signatures by name", [{ clientToken: CANARY, password: CANARY, signature: CANARY }]],
    ["an ownership token", { certificateOwnershipToken: CANARY }],
    ["what lies too deep", JSON.parse(`${'{"a":'.repeat(20)}"${CANARY}"${"}".repeat(20)}`)],
  ])("takes out %s", (_what, value) => {
    expect(JSON.stringify(redact(value))).not.toContain(CANARY);
  });

  it("takes out VIN and serial number, and keeps what is asked for", () => {
    const config = {
      vin: "WVWZZZ1JZXW000001",
      serial: "A-1",
      pinFile: "/etc/causeway/pin",
      subject: "CN=truck, URI:urn:vin:WVWZZZ1JZXW000001",
      url: "https://host:8443/path/a.bin",
      signature: true,
      count: 3,
    };
    expect(redact(config)).toEqual({
      vin: "redacted",
      serial: "redacted",
      pinFile: "/etc/causeway/pin",
      subject: "CN=truck, URI:urn:vin:redacted",
      url: "https://host:8443/path/a.bin",
      signature: true,
      count: 3,
    });
  });
});

describe("the log in memory", () => {
  it("keeps the last lines, but for debug, and hands all of them on", () => {
    const written = new MemoryLog();
    const { log, recent } = keepRecent(written, new ManualClock(), 3);
    for (let n = 0; n < 5; n += 1) log.info("a.counted", { n });
    log.debug("a.detail");
    log.error("a.failed");
    expect(recent().map(({ event, facts }) => [event, facts.n])).toEqual([
      ["a.counted", 3],
      ["a.counted", 4],
      ["a.failed", undefined],
    ]);
    expect(written.entries).toHaveLength(7);
  });

  it("gives those that came after so many, whether they are kept or not", () => {
    const { log, recent, logged } = keepRecent(new MemoryLog(), new ManualClock(), 3);
    const after = (count: number) => recent(count).map(({ facts }) => facts.n);
    for (let n = 1; n <= 2; n += 1) log.info("a.counted", { n });
    expect([after(0), after(1), after(2)]).toEqual([[1, 2], [2], []]);
    for (let n = 3; n <= 5; n += 1) log.info("a.counted", { n });
    expect(logged()).toBe(5);
    expect([after(0), after(2), after(4), after(5), after(9)]).toEqual([[3, 4, 5], [3, 4, 5], [5], [], []]);
  });
});
