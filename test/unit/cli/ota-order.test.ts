import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readOrder, type ServerAccess } from "../../../agent/cli/ota-order.ts";
import { AgentError } from "../../../agent/core/errors.ts";
import { requestRange } from "../../../drivers/os/download/https-source.ts";
import { type ArtifactServer, startArtifactServer } from "../../bench/cloud/artifact-server.ts";
import { createAuthority } from "../../bench/cloud/certificate-authority.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const never = new AbortController().signal;

let folder = "";
let server: ArtifactServer;
let ca = "";
const waits: number[] = [];
const clock = { sleep: async (ms: number) => void waits.push(ms) };

beforeEach(async () => {
  folder = temporaryFolder();
  waits.length = 0;
  mkdirSync(join(folder, "served"));
  const authority = createAuthority(join(folder, "ca"));
  const { certificatePem, privateKeyPem = "" } = await authority.issue({
    commonName: "artifacts",
    subjectAltNames: [{ kind: "ip", value: "::1" }],
    usage: "server",
  });
  ca = readFileSync(authority.caFile, "utf8");
  server = await startArtifactServer(join(folder, "served"), { certificatePem, privateKeyPem }, "::1");
});

afterEach(() => server.stop());

/** What `causeway ota check` says of the manifest at this server. */
async function rejection(url = server.presign("manifest.json", 60_000)): Promise<AgentError> {
  const asked = { offset: 0, ca, proxyFor: () => undefined, idleMs: 30_000 };
  const access: ServerAccess = { request: (url, signal) => requestRange({ url, ...asked }, signal), clock };
  const thrown: unknown = await readOrder(url, access, never).catch((error: unknown) => error);
  if (!(thrown instanceof AgentError)) throw new Error("it was taken");
  expect(JSON.stringify([thrown.message, thrown.remedy])).not.toMatch(/signature=|expires=/);
  return thrown;
}

describe("the manifest of an update at a URL", () => {
  it.each([
    [401, "input.refused", "asks who you are"],
    [403, "input.refused", "signed anew"],
    [404, "input.missing", "must lie beside it"],
    [307, "input.refused", "https URL that it is at"],
    [451, "input.refused", "what the server says"],
  ])("is named with what to do when the server says %i, which is not asked again", async (status, code, remedy) => {
    server.faults.status = status;
    const thrown = await rejection();
    expect(thrown.code).toBe(code);
    expect(thrown.message).toContain(`https://[::1]:${server.port}/manifest.json: `);
    expect(thrown.remedy).toContain(remedy);
    expect(server.answered).toEqual({ [status]: 1 });
  });

  it.each([429, 500, 503])("is asked for again when the server says %i", async (status) => {
    server.faults.status = status;
    const thrown = await rejection();
    expect(thrown.code).toBe("input.unavailable");
    expect(thrown.message).toBe(`https://[::1]:${server.port}/manifest.json: HTTP ${status}`);
    expect(server.answered).toEqual({ [status]: 3 });
    expect(waits).toEqual([500, 1000]);
  });

  it("says so when there is no server, and when it is another one", async () => {
    const url = server.presign("manifest.json", 60_000);
    await server.stop();
    const thrown = await rejection(url);
    expect(thrown.code).toBe("input.unavailable");
    expect(thrown.message).toMatch(/^https:\/\/\[::1\]:\d+\/manifest\.json: .*ECONNREFUSED/);
  });

  it("is not fetched without TLS, nor from what is no URL", async () => {
    const http = await rejection("http://example.com/manifest.json?signature=1&expires=2");
    expect(http).toMatchObject({ code: "input.malformed", message: "http://example.com/manifest.json is not https" });
    expect(await rejection("https://[::1/manifest.json?signature=1")).toMatchObject({ code: "input.malformed" });
  });

  it("is presigned for one file alone, which is said of the signature beside it", async () => {
    writeFileSync(join(folder, "served", "manifest.json"), "{}");
    const thrown = await rejection();
    expect(thrown.message).toBe(`https://[::1]:${server.port}/manifest.json.sig: HTTP 403`);
    expect(thrown.remedy).toContain("fits one file alone");
  });
});
