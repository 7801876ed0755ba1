import { createConnection } from "node:net";
import { createInterface } from "node:readline";

/**
 * Runs one command of QEMU's monitor protocol (QMP) by the socket at `path`, and gives the answer's line. Throws when it fails, or takes
 * longer than `timeoutMs`.
 */
export async function askMonitor(path: string, command: string, timeoutMs: number): Promise<string> {
  const socket = createConnection(path);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const timer = setTimeout(
    () => reject(new Error(`QEMU has not answered ${command} within ${timeoutMs} ms`)),
    timeoutMs,
  );
  socket.on("error", reject);
  socket.on("close", () => reject(new Error("QEMU is gone")));
  let answers = 0;
  createInterface({ input: socket }).on("line", (line) => {
    if (line.startsWith('{"QMP"')) socket.write('{"execute":"qmp_capabilities"}\n');
    if (line.startsWith('{"error"')) reject(new Error(`${command}: ${line}`));
    // Events come in between.
    if (!line.startsWith('{"return"')) return;
    answers += 1;
    if (answers === 1) socket.write(`${JSON.stringify({ execute: command })}\n`);
    else resolve(line);
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
