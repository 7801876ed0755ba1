import { spawnSync } from "node:child_process";
import { createServer, type Socket } from "node:net";
import { type Child, startChild } from "../../bench/core/child.ts";
import { until } from "../../bench/core/wait.ts";

/** Whether a program is installed here. */
export function isInstalled(program: string): boolean {
  return (
    spawnSync(program, ["-V"], { env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } }).error === undefined
  );
}

/** A receiver with a TCP server, as some routers have one. */
export async function tcpReceiver() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  return {
    port: address.port,
    listeners: () => sockets.size,
    say: (text: string): void => {
      for (const socket of sockets) socket.write(text, "latin1");
    },
    stop: async (): Promise<void> => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A pair of a pseudo terminal (pty(7)); the kernel has no other serial port without hardware. */
const PTY = `
import os, pty, sys
master, slave = pty.openpty()
print(os.ttyname(slave), flush=True)
while True:
    line = sys.stdin.readline()
    if not line: break
    os.write(master, bytes.fromhex(line.strip()))
`;

/** A receiver on a serial port; it is unplugged by `stop`. */
export async function serialReceiver(logFile: string) {
  let device = "";
  const child: Child = await startChild({
    command: "python3",
    args: ["-c", PTY],
    logFile,
    onLine: (line) => {
      device = line;
    },
  });
  await until(() => (device === "" ? undefined : true), { what: "a pseudo terminal", timeoutMs: 20_000 });
  return {
    device,
    say: (text: string): void => child.writeLine(Buffer.from(text, "latin1").toString("hex")),
    stop: async (): Promise<void> => void (await child.stop()),
  };
}
