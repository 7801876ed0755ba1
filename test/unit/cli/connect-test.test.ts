import { describe, expect, it } from "vitest";
import { type ConnectTestParts, testConnection } from "../../../agent/cli/connect-test.ts";
import { AgentError, type FaultCode } from "../../../agent/core/errors.ts";
import { ManualClock } from "../../fakes/core/clock.ts";
import { FakeBroker, type FakeBrokerParts } from "../../fakes/ports/broker.ts";

const SERVER = {
  protocol: "TLSv1.3",
  chain: [
    { subject: "CN=broker", issuer: "CN=ca", notBefore: "", notAfter: "2027-01-01T00:00:00.000Z", subjectAltName: "" },
  ],
};

function fault(code: FaultCode): AgentError {
  return new AgentError(code, { what: `what of ${code}`, remedy: "remedy" });
}

function createBench(
  over: Partial<ConnectTestParts> & { readonly broker?: never; readonly link?: Partial<FakeBrokerParts> } = {},
) {
  const clock = new ManualClock();
  const broker = new FakeBroker({ clock, ...over.link });
  const parts: ConnectTestParts = {
    endpoint: { host: "broker.example", port: 8883, timeoutMs: 1000 },
    proxy: undefined,
    publication: {
      topic: "dt/causeway/veh-001/test",
      payload: new Uint8Array(1),
      retain: false,
      contentType: "text/plain",
      messageExpirySeconds: 60,
      userProperties: [],
    },
    network: {
      resolveHost: async () => {
        await clock.sleep(12);
        return ["192.0.2.1"];
      },
      openTcp: () => clock.sleep(7),
      inspectServer: () => Promise.resolve(SERVER),
    },
    openKey: () => Promise.resolve("pkcs11:token=causeway;object=device"),
    clock,
    ...over,
    broker: () => broker,
  };
  const stopping = new AbortController();
  return {
    broker,
    clock,
    abort: () => stopping.abort(),
    run: async () => {
      const report = testConnection(parts, stopping.signal);
      await clock.run(100);
      return await report;
    },
    begin: () => testConnection(parts, stopping.signal),
  };
}

describe("testConnection", () => {
  it("times every step up to the PUBACK and stops the session", async () => {
    const { broker, run } = createBench();
    const { steps, fault: found, server } = await run();
    expect(found).toBeUndefined();
    expect(steps.map(({ step, ok }) => `${step} ${ok}`)).toEqual([
      "dns true",
      "tcp true",
      "tls true",
      "key true",
      "connect true",
      "publish true",
    ]);
    expect(steps.slice(0, 2).map(({ ms }) => ms)).toEqual([12, 7]);
    expect(server).toBe(SERVER);
    expect(broker.publications.map(({ topic }) => topic)).toEqual(["dt/causeway/veh-001/test"]);
    expect(broker.status().state).toBe("offline");
  });

  it("asks the proxy in place of the resolver and the broker's port, where there is one", async () => {
    const asked: unknown[] = [];
    const check = async (target: unknown): Promise<void> => void asked.push(target);
    const never = () => Promise.reject(new Error("not in this test"));
    const proxy = { host: "proxy.example", port: 3128, credentials: () => undefined, tunnel: never, check };
    const { steps } = await createBench({ proxy }).run();
    expect(steps.map(({ step }) => step)).toEqual(["proxy", "tls", "key", "connect", "publish"]);
    expect(steps[0]?.detail).toBe("proxy.example:3128");
    expect(asked).toMatchObject([{ host: "broker.example", port: 8883 }]);
  });

  it("ends with the first step that fails, and keeps what it learnt of the server", async () => {
    const { broker, run } = createBench({
      openKey: () => {
        throw fault("identity.pin-wrong");
      },
    });
    const { steps, fault: found, server } = await run();
    expect(steps.at(-1)).toMatchObject({ step: "key", ok: false, detail: "identity.pin-wrong" });
    expect(found).toMatchObject({ code: "identity.pin-wrong", message: "what of identity.pin-wrong" });
    expect(server).toBe(SERVER);
    expect(broker.sent).toHaveLength(0);
  });

  it("gives the session's own fault when it does not come online", async () => {
    const { broker, clock, begin } = createBench();
    broker.disconnect();
    const report = begin();
    await clock.run(50);
    broker.disconnect();
    await clock.run(50);
    const { steps, fault: found } = await report;
    expect(steps.at(-1)).toMatchObject({ step: "connect", ok: false });
    expect(found?.code).toBe("broker.unreachable");
  });

  it("says that the policy refuses the publish", async () => {
    const { run } = createBench({
      link: { answer: () => ({ kind: "rejected", reasonCode: 0x87, reason: "0x87 not authorized" }) },
    });
    const { fault: found } = await run();
    expect(found?.code).toBe("broker.refused");
    expect(found?.message).toContain("dt/causeway/veh-001/test: PUBACK 0x87 not authorized");
  });

  it("ends when the time is over", async () => {
    const { broker, clock, abort, begin } = createBench();
    broker.disconnect();
    const report = begin();
    await clock.run(40);
    abort();
    await clock.run(100);
    const { steps, fault: found } = await report;
    expect(steps.at(-1)).toMatchObject({ step: "connect", ok: false });
    expect(found?.remedy).toContain("--timeout");
  });

  it("lets a bug through as it is", async () => {
    const { begin } = createBench({
      openKey: () => {
        throw new TypeError("a bug");
      },
      network: {
        resolveHost: () => Promise.resolve([]),
        openTcp: () => Promise.resolve(),
        inspectServer: () => Promise.resolve(SERVER),
      },
    });
    await expect(begin()).rejects.toThrow(TypeError);
  });
});
