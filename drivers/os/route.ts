import { createSocket } from "node:dgram";
import { networkInterfaces } from "node:os";

/** Name of the network interface by which packets to `host` leave now; undefined when there is no way, or the name cannot be resolved. Sends nothing. */
export async function interfaceTowards(host: string, port: number): Promise<string | undefined> {
  const address = (await localAddress("udp4", host, port)) ?? (await localAddress("udp6", host, port));
  const all = Object.entries(networkInterfaces());
  return all.find(([, entries]) => entries?.some((entry) => entry.address === address))?.[0];
}

/** connect(2) on a datagram socket only chooses the way. */
function localAddress(type: "udp4" | "udp6", host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(type);
    const end = (address: string | undefined): void => {
      socket.close();
      resolve(address);
    };
    socket.once("error", () => end(undefined));
    socket.connect(port, host, () => end(socket.address().address));
  });
}
