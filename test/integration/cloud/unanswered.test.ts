import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { requestRange } from "../../../drivers/os/download/https-source.ts";
import { systemClock } from "../../../drivers/os/time-source.ts";
import { createHttpsStore } from "../../../drivers/os/upload/https-store.ts";
import { createAuthority } from "../../bench/cloud/certificate-authority.ts";
import { temporaryFolder } from "../../fakes/core/folder.ts";

const PATIENCE_MS = 5000;

describe("a server that switches protocols where nobody has asked it to", () => {
  const never = new AbortController().signal;
  let server: Server;
  let url = "";
  let ca = "";
  let file = "";

  beforeEach(async () => {
    const folder = temporaryFolder();
    file = join(folder, "file");
    writeFileSync(file, "content");
    const authority = createAuthority(join(folder, "ca"));
    ca = readFileSync(authority.caFile, "utf8");
    const subjectAltNames = [{ kind: "ip", value: "127.0.0.1" } as const];
    const issued = await authority.issue({ commonName: "odd", subjectAltNames, usage: "server" });
    server = createServer({ cert: issued.certificatePem, key: issued.privateKeyPem }, (socket) => {
      socket.on("error", () => undefined);
      socket.once("data", () =>
        socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: odd\r\n\r\n"),
      );
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = z.object({ port: z.number() }).parse(server.address());
    url = `https://127.0.0.1:${port}/file`;
  });
  afterEach(() => void server.close());

  it("ends a download, to be tried again", { timeout: PATIENCE_MS }, async () => {
    const asked = { url, offset: 0, ca, proxyFor: () => undefined, idleMs: 60_000 };
    await expect(requestRange(asked, never)).rejects.toThrow("closed without an answer");
  });

  it("ends an upload, to be tried again", { timeout: PATIENCE_MS }, async () => {
    const settings = { maxBytesPerSecond: undefined, minBytesPerSecond: 100, minRateWindowMs: 60_000 };
    const store = createHttpsStore({ settings, ca, proxyFor: () => undefined, clock: systemClock() });
    const body = { kind: "file", path: file, offset: 0, bytes: 7 } as const;
    const sent = store.send({ method: "PUT", url, headers: {}, body }, () => undefined, never);
    await expect(sent).resolves.toMatchObject({ kind: "unavailable" });
  });
});
