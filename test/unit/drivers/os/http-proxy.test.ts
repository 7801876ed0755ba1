import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AgentError } from "../../../../agent/core/errors.ts";
import { proxyConfig } from "../../../../config/proxy.ts";
import { createProxyRule, PROXY_CREDENTIAL } from "../../../../drivers/os/http-proxy.ts";
import { temporaryFolder } from "../../../fakes/core/folder.ts";

function credentialsOf(parts: { readonly file?: string; readonly credentialsDirectory?: string }): unknown {
  const named = parts.file === undefined ? {} : { credentialsFile: parts.file };
  const settings = proxyConfig.parse({ host: "proxy.example", port: 3128, ...named });
  const proxyFor = createProxyRule({ settings, credentialsDirectory: parts.credentialsDirectory });
  try {
    return proxyFor("broker.example")?.credentials();
  } catch (error) {
    return error instanceof AgentError ? error.code : error;
  }
}

function written(content: string, mode = 0o600, name = "proxy"): string {
  const file = join(temporaryFolder(), name);
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

describe("createProxyRule", () => {
  it.each([
    ["broker.example", true],
    ["vehicle.lan", false],
    ["VEHICLE.LAN.", false],
    ["depot.vehicle.lan", false],
    ["othervehicle.lan", true],
    ["192.0.2.7", false],
    ["192.0.2.77", true],
    ["2001:db8::1", false],
  ])("reaches %s through the proxy: %s", (host, isProxied) => {
    const exclude = ["vehicle.lan", "192.0.2.7", "2001:db8::1"];
    const settings = proxyConfig.parse({ host: "proxy.example", port: 3128, exclude });
    const proxyFor = createProxyRule({ settings, credentialsDirectory: undefined });
    expect(proxyFor(host) !== undefined).toBe(isProxied);
  });

  it("takes user and password from a file of mode 0600 or the systemd credential, and none where neither is there", () => {
    expect(credentialsOf({})).toBeUndefined();
    expect(credentialsOf({ credentialsDirectory: temporaryFolder() })).toBeUndefined();
    expect(credentialsOf({ file: written("vehicle:with:colons\n") })).toEqual({
      user: "vehicle",
      password: "with:colons",
    });
    const folder = join(written("vehicle:s3cret", 0o440, PROXY_CREDENTIAL), "..");
    expect(credentialsOf({ credentialsDirectory: folder })).toEqual({ user: "vehicle", password: "s3cret" });
  });

  it("refuses a file that others may read, is not there, or holds something else", () => {
    expect(credentialsOf({ file: written("vehicle:s3cret", 0o640) })).toBe("proxy.credentials-exposed");
    expect(credentialsOf({ file: "/nothing/there" })).toBe("proxy.credentials-missing");
    for (const text of ["s3cret", ":s3cret", "a:b\nc:d", ""]) {
      expect(credentialsOf({ file: written(text) })).toBe("proxy.credentials-missing");
    }
  });

  it.each(["http://proxy.example", "user:s3cret@proxy.example", "proxy.example:3128", ""])(
    "takes %j for no host, and does not repeat it",
    (host) => {
      const { error } = proxyConfig.safeParse({ host, port: 3128 });
      expect(error?.issues[0]?.path).toEqual(["host"]);
      expect(JSON.stringify(error?.issues)).not.toContain("s3cret");
    },
  );
});
