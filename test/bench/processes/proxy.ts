import { type ProxyCommand, proxyCommand } from "../broker/proxy-protocol.ts";
import { TcpProxy } from "../broker/tcp-proxy.ts";
import { emit, onCommands } from "../core/line-protocol.ts";

const [host, port] = process.argv.slice(2);
if (host === undefined || port === undefined) throw new Error("usage: proxy.ts HOST PORT");
const proxy = new TcpProxy({ host, port: Number(port) });

async function obey(command: ProxyCommand): Promise<void> {
  switch (command.kind) {
    case "cut":
      await proxy.cut();
      break;
    case "restore":
      await proxy.restore();
      break;
    case "blackhole":
      proxy.blackhole();
      break;
    case "latency":
      proxy.latency(command.ms);
  }
  emit({ kind: "done", command: command.kind });
}

let last = Promise.resolve();
onCommands(proxyCommand, (command) => {
  last = last.then(() => obey(command));
});
emit({ kind: "ready", port: await proxy.start() });
