import { describe, expect, it } from "vitest";
import { inheritedSockets } from "../../../../../drivers/os/local-socket/inherited-sockets.ts";

describe("inheritedSockets", () => {
  it("names the descriptors from 3 on as the socket units do", () => {
    const environment = { LISTEN_PID: "77", LISTEN_FDS: "2", LISTEN_FDNAMES: "view:admin" };
    expect(Object.fromEntries(inheritedSockets(environment, 77))).toEqual({ view: 3, admin: 4 });
  });

  it("takes none that are meant for another process, and none outside systemd", () => {
    expect(inheritedSockets({ LISTEN_PID: "78", LISTEN_FDS: "1", LISTEN_FDNAMES: "view" }, 77).size).toBe(0);
    expect(inheritedSockets({}, 77).size).toBe(0);
    expect(inheritedSockets({ LISTEN_PID: "77", LISTEN_FDS: "many", LISTEN_FDNAMES: "view" }, 77).size).toBe(0);
  });

  it("prefers the first of two with the same name", () => {
    const environment = { LISTEN_PID: "77", LISTEN_FDS: "2", LISTEN_FDNAMES: "view:view" };
    expect([...inheritedSockets(environment, 77)]).toEqual([["view", 3]]);
  });
});
